"""Counters on servers where every increment is a round trip: numbers are allotted to a process in blocks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

LAST = 2**31 - 1


class NumberBlocks:
    """What each process has left of the last block of each counter. What it does not use up is skipped."""

    def __init__(self, allot: Callable[[str, int], int], size: int) -> None:
        """``allot(counter, by)`` adds to the counter in the store and returns its new value."""
        self._allot = allot
        self._size = size
        self._left: dict[tuple[int, str], tuple[int, int]] = {}
        self._locks: dict[int, threading.Lock] = {}

    def take(self, counter: str, by: int) -> int:
        """The last of ``by`` numbers that nobody else gets. Raises ValueError for less than one number."""
        if by < 1:
            raise ValueError(f"{counter}: a counter grows by at least 1, not {by}")
        process = os.getpid()
        with self._locks.setdefault(process, threading.Lock()):
            value, last = self._left.get((process, counter), (0, 0))
            if value + by > last:
                size = max(by, self._size)
                last = self._allot(counter, size)
                value = last - size
            self._left[process, counter] = value + by, last
        return value + by
