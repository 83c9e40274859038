"""Counters on servers where every increment is a round trip: numbers are allotted to a process in blocks."""

from __future__ import annotations

import threading
from collections.abc import Callable

LAST = 2**31 - 1


class NumberBlocks:
    """What is left of the last block of each counter. What a process does not use up is skipped."""

    def __init__(self, allot: Callable[[str, int], int], size: int) -> None:
        """``allot(counter, by)`` adds to the counter in the store and returns its new value."""
        self._allot = allot
        self._size = size
        self._left: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def take(self, counter: str, by: int) -> int:
        """The last of ``by`` numbers that nobody else gets."""
        with self._lock:
            value, last = self._left.get(counter, (0, 0))
            if value + by > last:
                size = max(by, self._size)
                last = self._allot(counter, size)
                value = last - size
            self._left[counter] = value + by, last
        return value + by
