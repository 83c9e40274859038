"""What an operator is told when the file of the file store cannot be used: the file, the reason, what to do."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ocpp_soap.errors import StoreUnavailable

NETWORK_FILE_SYSTEMS = frozenset(
    [
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "gpfs", "beegfs", "davfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.davfs"),
    ]
)
_OWNER = "give the file and what stands beside it to the user that runs this program (chown -R), or mend the mount"
NOT_OURS = "it is not a file of this program: give storage.file.path another name, or restore a backup"
_NO_PLACE = "this user can neither make nor reach it: choose another place, or mend owner and permissions of its folder"
_READ_ONLY = "the file is read-only for this user: mend its owner and permissions, or the mount"
_ADVICE = (
    ("disk is full", "the disk is full: free some space on it"),
    ("no space left", "the disk is full: free some space on it"),
    ("file too large", "the disk is full for this user: raise its file size limit"),
    ("quota exceeded", "the disk is full for this user: free some space, or raise its quota"),
    (
        "disk i/o error",
        "the disk cannot be read or written: is it full, over a quota or a file size limit, or broken?",
    ),
    ("readonly", _READ_ONLY),
    ("read-only file system", _READ_ONLY),
    ("permission denied", f"something of the store is not this user's: {_OWNER}"),
    ("unable to open", "the file cannot be opened: its folder, or files beside it, are not writable for this user"),
    ("locked", "another program keeps it locked: end that program (a backup tool, a database browser)"),
    ("not a database", NOT_OURS),
    ("malformed", "the file is damaged: restore a backup, or mend it with: sqlite3 FILE .recover"),
)


def unavailable(path: Path, error: sqlite3.Error | OSError) -> StoreUnavailable:
    """The error to raise for one of SQLite or of the operating system, which is its cause."""
    text = str(error)
    if isinstance(error, PermissionError) and not os.path.exists(path):
        advice = f"{_NO_PLACE} ({text})"
    else:
        advice = next((f"{advice} ({text})" for symptom, advice in _ADVICE if symptom in text.lower()), text)
    found = StoreUnavailable(f"{path}: {advice}")
    found.__cause__ = error
    return found


def is_locked(error: Exception) -> bool:
    """Whether somebody else is writing, so that trying again helps."""
    cause = error.__cause__ if isinstance(error, StoreUnavailable) else error
    return isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause)


def has_no_place(error: sqlite3.OperationalError) -> bool:
    """Whether a statement was for a table or a column that is not there."""
    return any(symptom in str(error) for symptom in ("no such table", "has no column named"))


def refuse_unwritable(path: Path, *others: Path) -> None:
    """Raise StoreUnavailable if this user may not write the file, SQLite's two beside it, or one of the ``others``."""
    for place in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"), *others):
        needed = os.R_OK | os.W_OK | (os.X_OK if os.path.isdir(place) else 0)
        if os.access(place, os.F_OK) and not os.access(place, needed):
            raise StoreUnavailable(f"{path}: {place} cannot be written by this user: {_OWNER}")


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise StoreUnavailable if the file is or would be on a network file system, where locks are not reliable."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    place = path.resolve()
    kinds = [line.split()[1:3] for line in table.splitlines() if len(line.split()) >= 3]
    holding = [(_unescaped(mount), kind) for mount, kind in kinds if place.is_relative_to(_unescaped(mount))]
    mount, kind = max(reversed(holding), key=lambda found: len(found[0]), default=("", ""))
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreUnavailable(
            f"{path}: {mount} is a network file system ({kind}), where processes cannot share the file safely: "
            f"put storage.file.path on a local disk, or use storage.backend: mongodb"
        )


def _unescaped(mount: str) -> str:
    return mount.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
