"""What a process read a moment ago, so that a sender of many messages is not looked up for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

STALENESS = 1.0
"""Seconds after which a change that another process made to a station or a tag counts everywhere."""

MOST_ENTRIES = 10_000


class Recent(Generic[T]):
    """Remembers what ``read`` gave for a key, None included, for ``seconds``; safe to use from many threads."""

    def __init__(self, read: Callable[[str], T], *, seconds: float = STALENESS) -> None:
        self._read = read
        self._seconds = seconds
        self._entries: dict[str, tuple[float, T]] = {}

    def get(self, key: str) -> T:
        """What was read for the key at most ``seconds`` ago."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is not None and entry[0] > now:
            return entry[1]
        value = self._read(key)
        if len(self._entries) >= MOST_ENTRIES:
            self._entries.clear()
        self._entries[key] = (now + self._seconds, value)
        return value

    def forget(self, key: str) -> None:
        """Read the key anew the next time."""
        self._entries.pop(key, None)
