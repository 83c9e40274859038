"""The space that a command has for uploads: all share it, those under way too, whichever process they go to.

Sizes are summed, and what has come is written, under a lock of the folder, a file beside it: on NFS a folder has none.
An upload by HTTP ends an earlier one of the same name: a station whose line went dead tries again, and nothing tells a
dead line from a slow one.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from ocpp_soap.central_system.records import digest
from ocpp_soap.storage import file_lock
from ocpp_soap.storage.private_files import FOLDER_MODE, make_file, make_folder, opener

MOST_FILES = 10
"""Files that may be uploaded for one command."""


class NoRoom(OSError):
    """A file would become larger than the ``room`` there is, in bytes; 0: there may be no further file."""

    def __init__(self, room: int) -> None:
        super().__init__(errno.EDQUOT, f"there are {room} bytes left for this file")
        self.room = room


class Ended(OSError):
    """The file is no longer there: another one of its name was begun, or it was removed."""

    def __init__(self) -> None:
        super().__init__(errno.ESTALE, "the file was removed or is being uploaded anew")


class Space:
    """The space in a folder: ``max_size`` bytes and :data:`MOST_FILES` files."""

    def __init__(self, folder: Path, max_size: int) -> None:
        self._folder = folder
        self._max_size = max_size
        self._lock = folder.with_name(f"{folder.name}.lock")

    def make(self) -> tuple[Path, Path]:
        """Make the folder and its lock, which belong to this process's user alone, and return them."""
        make_folder(self._folder.parent)
        self._folder.mkdir(mode=FOLDER_MODE)
        make_file(self._lock)
        return self._folder, self._lock

    def remove(self) -> None:
        """Remove the folder, unless something is in it, and its lock."""
        self._lock.unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def open(self, name: str, mode: str) -> Growing:
        """Open the file of that name for writing. Raises NoRoom if there may be none."""
        return self._open(self._folder / name, mode, replaced=name)

    @contextmanager
    def upload(self, name: str, size: int = 0) -> Iterator[Growing]:
        """A file that replaces the one of that name when the block ends, and is removed when it fails.

        ``size`` bytes are set aside for it at once, since later ones must not take them. Raises NoRoom or Ended.
        """
        parts = f".{digest(name)[:16]}-"
        part = self._folder / f"{parts}{secrets.token_hex(8)}"
        for earlier in self._folder.glob(f"{parts}*"):
            earlier.unlink(missing_ok=True)
        try:
            with self._open(part, "wb", replaced=name, size=size) as file:
                yield file
            with self.locked():
                part.replace(part.with_name(name))
        except FileNotFoundError:
            raise Ended from None
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While nobody else writes into the folder. Raises FileNotFoundError if it is no longer there."""
        if self._folder.is_dir() and not self._lock.exists():
            make_file(self._lock)  # a version before this lock has made the folder
        with self._lock.open("r+b") as lock:
            file_lock.lock(lock.fileno())
            try:
                yield
            finally:
                file_lock.unlock(lock.fileno())

    def check(self, size: int, names: set[str]) -> None:
        """Raise NoRoom if the file that has or will have one of these ``names`` may not have that size."""
        others = [size for name, size in self._sizes() if name not in names]
        room = max(self._max_size - sum(others), 0) if len(others) < MOST_FILES else 0
        if size > room or room == 0:
            raise NoRoom(room)

    def _sizes(self) -> Iterator[tuple[str, int]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat().st_size

    def _open(self, path: Path, mode: str, *, replaced: str, size: int = 0) -> Growing:
        names = {path.name, replaced}
        with self.locked():
            self.check(size, names)
            file = cast(BinaryIO, open(path, mode, opener=opener))  # noqa: SIM115 (Growing closes it)
            if size:
                file.truncate(size)
        return Growing(self, file, names, appends="a" in mode)


class Growing:
    """An open file that is written as far as there is room; else it is as any file."""

    def __init__(self, space: Space, file: BinaryIO, names: set[str], *, appends: bool) -> None:
        self._space = space
        self._file = file
        self._names = names
        self._appends = appends

    def write(self, data: bytes) -> int:
        """Write what has come. Raises NoRoom or Ended."""
        with self._space.locked():
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise Ended
            if self._appends:
                self._file.seek(0, os.SEEK_END)
            self._space.check(self._file.tell() + len(data), self._names)
            written = self._file.write(data)
            self._file.flush()
        return written

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
