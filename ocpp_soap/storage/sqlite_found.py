"""What searches of a watched collection have found, kept until one of the documents that they concern is written.

A search costs four times as much beside threads that compute as alone, since each step of its statement lets go of the
interpreter's lock. So the processes that use a file share some memory, a file beside the logs: whoever has written a
document changes the marks of its watched values there before the write returns, and what was found under another mark
is not used again. Where a process is killed between the two, what others have found counts for up to SECONDS; the
message whose answer is missing comes again, and changes the mark whatever becomes of it.
"""

from __future__ import annotations

import mmap
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocpp_soap.storage.base import Collection, Stored
from ocpp_soap.storage.private_files import folder_mode, make_folder, open_file
from ocpp_soap.storage.sqlite_errors import unavailable

NAME = "marks"
SECONDS = 60.0
MOST_KEPT = 2_000
"""Searches that a process keeps the results of."""
_MARKS = 8192
"""Values share a mark where their digests are alike: the first mark is for documents whose value is not known."""

Result = Sequence[Stored]


class Found:
    """The results that one process keeps. ``folder`` has the marks; it is made where it is not there."""

    def __init__(self, folder: Path, mode: Callable[[], int]) -> None:
        self._folder = folder
        self._mode = mode
        self._opening = threading.Lock()
        self._marks: memoryview | None = None
        self._kept: dict[tuple[Any, ...], tuple[tuple[int, int], float, Result]] = {}

    def find(
        self, collection: Collection, where: Mapping[str, Any], order: str | None, search: Callable[[], Result]
    ) -> Result:
        """What ``search`` finds, or found when nothing of it had been written since. Raises StoreUnavailable."""
        watched = next((field for field in collection.watched if field in where), None)
        if watched is None:
            return search()
        marks = self._open()
        mark = marks[0], marks[_place(where[watched])]
        now = time.monotonic()
        key = collection.name, *where.items(), order
        kept = self._kept.get(key)
        if kept is not None and kept[0] == mark and now < kept[1]:
            return kept[2]
        result = search()
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = mark, now + SECONDS, result
        return result

    def prepare(self, collection: Collection) -> None:
        """To be called before a write, which :meth:`written` must follow. Raises StoreUnavailable."""
        if collection.watched:
            self._open()

    def written(self, collection: Collection, *values: Any) -> None:
        """Documents with these watched values were written, or may have been; none: it is not known which."""
        if collection.watched:
            marks = self._open()
            for place in map(_place, values) if values else (0,):
                marks[place] = random.getrandbits(64)

    def _open(self) -> memoryview:
        if self._marks is None:
            with self._opening:
                try:
                    self._marks = self._marks or self._shared()
                except OSError as error:
                    raise unavailable(self._folder / NAME, error) from error
        return self._marks

    def _shared(self) -> memoryview:
        mode = self._mode()
        make_folder(self._folder, folder_mode(mode))
        handle = open_file(self._folder / NAME, os.O_RDWR, mode)
        try:
            os.posix_fallocate(handle, 0, 8 * _MARKS)  # so that the disk is not found full when a mark is changed
            return memoryview(mmap.mmap(handle, 8 * _MARKS)).cast("Q")
        finally:
            os.close(handle)


def _place(value: Any) -> int:
    return zlib.crc32(str(value).encode("utf-8", "surrogatepass")) % (_MARKS - 1) + 1
