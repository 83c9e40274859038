"""Files that one process appends to and any may read: what it has stored there survives its death.

A log is locked as long as its process has it open, so whoever gets the lock knows that nobody writes it any more. A
frame has a length and a checksum; one that was cut off belongs to something that was not answered.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from ocpp_soap.storage.file_lock import lock, lock_now
from ocpp_soap.storage.private_files import folder_mode, make_folder, open_file

_HEAD = struct.Struct(">II")
_AFTER_PREFIX = re.compile("[0-9]+-[0-9a-f]{8}")
"""What is in the name of a log behind its prefix: the process, and what makes the name unique."""
READ_AT_ONCE = 2**17
"""Bytes of a piece, for which whoever reads it may make others wait."""

SelfLog = TypeVar("SelfLog", bound="StoredLog")


def is_log(name: str, prefix: str) -> bool:
    """Whether a file of that name is an :class:`OwnLog` of this prefix, not one of a longer prefix."""
    return name.startswith(prefix) and _AFTER_PREFIX.fullmatch(name, len(prefix)) is not None


def framed(content: bytes) -> bytes:
    """The frame that holds ``content`` in a log."""
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


def contents(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What the whole frames at the beginning of ``data`` hold, each with where it ends."""
    begin = 0
    while len(data) - begin >= _HEAD.size:
        length, check = _HEAD.unpack_from(data, begin)
        begin += _HEAD.size
        content = data[begin : begin + length]
        if len(content) < length or zlib.crc32(content) != check:
            return
        begin += length
        yield begin, content


class OwnLog:
    """A log that this process writes. Its name begins with ``prefix``; its file is locked as long as it is open."""

    def __init__(self, folder: Path, prefix: str, mode: int) -> None:
        self.path = folder / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
        self.size = 0
        self._file = -1
        while self._file < 0:
            make_folder(folder, folder_mode(mode))
            handle = open_file(self.path, os.O_APPEND | os.O_WRONLY, mode)
            lock(handle)
            if is_at(handle, self.path):  # nobody took it for one that is over before it was locked
                self._file = handle
            else:
                os.close(handle)

    def append(self, data: bytes) -> None:
        """Add frames. Raises OSError, and the log is as before, if the disk does not take them."""
        written = os.write(self._file, data)
        if written != len(data):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written

    def is_there(self) -> bool:
        """Whether it is still the log at its path, from where others read it."""
        return is_at(self._file, self.path)

    def close(self) -> None:
        """Write no more: whoever reads it next may remove it."""
        os.close(self._file)


class StoredLog:
    """A log that some process writes or wrote, for use in a ``with``. Raises FileNotFoundError if it is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self: SelfLog) -> SelfLog:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def piece(self, begin: int, most: int = READ_AT_ONCE) -> list[tuple[int, bytes]]:
        """What some of the whole frames from ``begin`` on hold, each with where in the log it ends; none: no more.

        They are as many as ``most`` bytes hold, or one that is larger.
        """
        data = os.pread(self._file, most, begin)
        size = _HEAD.size + _HEAD.unpack_from(data)[0] if len(data) >= _HEAD.size else 0
        if size > len(data):
            data = os.pread(self._file, size, begin)
        return [(begin + end, content) for end, content in contents(data)]

    def is_there(self) -> bool:
        """Whether it is still the log at its path."""
        return is_at(self._file, self.path)

    def size(self) -> int:
        """The size of the file now."""
        return os.fstat(self._file).st_size

    def take(self) -> bool:
        """Take the log over, if nobody writes it any more."""
        return lock_now(self._file)

    def remove(self) -> None:
        """Remove the file of a log that was taken over."""
        self.path.unlink(missing_ok=True)


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file, or folder, is the one at the path."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)
