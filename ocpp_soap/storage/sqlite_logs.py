"""The files beside the file store that hold telemetry until it is in the tables, see docs/adr/0007.

A log belongs to one process, which appends frames to it: the statements to run and their rows. Any process may fold a
log, that is, run in one transaction what was not run yet and note how far that was; so nothing is run twice, and what a
killed process left is not lost. A frame that was cut off belongs to no answered message.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from ocpp_soap.storage.file_lock import lock_now
from ocpp_soap.storage.sqlite_rows import execute_rows, restored

Steps = Sequence[tuple[str, Sequence[Sequence[Any]]]]
"""What to run: a statement and the rows of its parameters."""

_HEAD = struct.Struct(">II")
_READ_AT_ONCE = 2**17
"""Bytes folded at once, behind which a start or a stop may have to wait."""


def frame(steps: Steps) -> bytes:
    """The bytes that stand for ``steps`` in a log."""
    content = orjson.dumps(steps)
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


def frames(data: bytes) -> Iterator[tuple[int, Steps]]:
    """The whole frames at the beginning of ``data``, each with where it ends."""
    begin = 0
    while len(data) - begin >= _HEAD.size:
        length, check = _HEAD.unpack_from(data, begin)
        begin += _HEAD.size
        content = data[begin : begin + length]
        if len(content) < length or zlib.crc32(content) != check:
            return
        begin += length
        steps: Steps = orjson.loads(content)
        if b",null" in content or b"[null" in content:
            steps = [(statement, [restored(row) for row in rows]) for statement, rows in steps]
        yield begin, steps


def run(connection: sqlite3.Connection, every: Iterable[Steps]) -> None:
    """Run steps in their order, those of the same statement together."""
    together: dict[str, list[Sequence[Any]]] = {}
    for steps in every:
        for statement, rows in steps:
            together.setdefault(statement, []).extend(rows)
    for statement, rows in together.items():
        execute_rows(connection, statement, rows)


def folded(connection: sqlite3.Connection, name: str) -> int:
    """Up to where a log has been folded."""
    row = connection.execute("SELECT folded FROM logs WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def note_folded(connection: sqlite3.Connection, name: str, end: int) -> None:
    """Note that a log has been folded up to there."""
    connection.execute("INSERT OR REPLACE INTO logs (name, folded) VALUES (?, ?)", (name, end))


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Drop the note of a log whose file has been removed."""
    connection.execute("DELETE FROM logs WHERE name = ?", (name,))


class OwnLog:
    """A log that this process writes. Its name begins with ``store``; its file is locked as long as it is open."""

    def __init__(self, folder: Path, store: str, mode: int) -> None:
        self.path = folder / f"{store}{os.getpid()}-{secrets.token_hex(4)}"
        self.size = 0
        self._file = -1
        while self._file < 0:
            folder.mkdir(exist_ok=True)
            handle = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, mode)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if is_at(handle, self.path):  # nobody took it for one that is over before it was locked
                self._file = handle
            else:
                os.close(handle)

    def append(self, data: bytes) -> None:
        """Add a frame. Raises OSError, and the log is as before, if the disk does not take it."""
        written = os.write(self._file, data)
        if written != len(data):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written

    def close(self) -> None:
        """Write no more: whoever folds it next removes it."""
        os.close(self._file)


class StoredLog:
    """A log that some process writes or wrote, for use in a ``with``. Raises FileNotFoundError if it is gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> StoredLog:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def fold(self, connection: sqlite3.Connection, has_time: Callable[[], bool]) -> int:
        """Fold what was not folded yet, in the open transaction, a part at least; returns up to where that is now."""
        if not is_at(self._file, self._path):
            return 0
        begin = end = folded(connection, self._path.name)
        while end == begin or has_time():
            every = []
            for place, steps in frames(self._read(end)):
                every.append(steps)
                reached = end + place
            if not every:
                break
            run(connection, every)
            end = reached
        if end > begin:
            note_folded(connection, self._path.name, end)
        return end

    def _read(self, begin: int) -> bytes:
        """At least the next frame, if it is whole."""
        data = os.pread(self._file, _READ_AT_ONCE, begin)
        size = _HEAD.size + _HEAD.unpack_from(data)[0] if len(data) >= _HEAD.size else 0
        return data if size <= len(data) else os.pread(self._file, size, begin)

    def size(self) -> int:
        """The size of the file now."""
        return os.fstat(self._file).st_size

    def take(self) -> bool:
        """Take the log over, if nobody writes it any more."""
        return lock_now(self._file)

    def remove(self) -> None:
        """Remove the file of a log that was taken over."""
        self._path.unlink(missing_ok=True)


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file is the one at the path."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)
