"""What this program makes on the disk is for its own user, unless what it belongs to is shared with others."""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def folder_mode(file_mode: int) -> int:
    """The mode of a folder for files of that mode: who may read them may look into it."""
    return file_mode | (file_mode & 0o444) >> 2


def make_folder(folder: Path, mode: int = FOLDER_MODE) -> None:
    """Make a folder of that mode, whatever the umask, and what is missing above it for this user alone.

    A folder that is there stays as it is; a new one has the group that the one above it passes on.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    if mode != FOLDER_MODE:
        folder.chmod(folder.stat().st_mode & 0o7000 | mode)


def make_file(path: Path) -> None:
    """Make an empty file for this user alone, unless there is one.

    One that is there is not opened: closing it would end the locks that this process has of it by another handle.
    """
    try:
        os.close(open_file(path, os.O_WRONLY | os.O_EXCL, FILE_MODE))
    except FileExistsError:
        return


def open_file(path: Path, flags: int, mode: int) -> int:
    """Open a file, which gets that ``mode``, whatever the umask, if it is made."""
    flags |= os.O_CLOEXEC
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, FILE_MODE & mode)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags | os.O_CREAT, FILE_MODE & mode)
    os.fchmod(handle, mode)
    return handle


def opener(path: str, flags: int) -> int:
    """For ``open``: a new file is for this user alone."""
    return os.open(path, flags, FILE_MODE)
