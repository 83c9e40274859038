"""What a process read a moment ago, so that a sender of many messages is not looked up for each of them.

What is asked for again and again is read again all at once, so that a store that is far away is asked once a second
for all busy senders, not for each of them. Nothing here takes a lock, so a process may fork at any time.
"""

from __future__ import annotations

import time
from typing import Any, Generic, TypeVar

from ocpp_soap.central_system.records import record_of
from ocpp_soap.storage.base import Collection, Storage

T = TypeVar("T")

STALENESS = 2.0
"""Seconds after which a change that another process made to a station or a tag counts everywhere."""

MOST_ENTRIES = 10_000

AT_LEAST, PARTS = 100, 10
"""How many are read again at once, and in how many parts if there are more."""

ROUNDS = 5
"""Half periods for which a record is still read again, with others, after it was last asked for.

One that comes again after a while is read again for longer: until that costs as much as to read it alone, for which
its sender would have to wait too (``Storage.again_for_one``).
"""


class _Entry(Generic[T]):
    """A value, until when it counts, whether it was asked for since it was read, and since how many half periods not.

    ``rounds``: up to how many of these it is read again.
    """

    __slots__ = ("idle", "rounds", "state", "until", "used", "value")

    def __init__(self, value: T, until: float) -> None:
        self.value = value
        self.until = until
        self.used = False
        self.idle = 0
        self.rounds = 0
        self.state: Any = None


class Recent(Generic[T]):
    """Remembers the documents of a collection as records, and which do not exist; safe to use from many threads.

    A record counts for ``seconds``. In every half of that, what was asked for again since or a while before is read
    again together, by a thread that asks for something, many of them in parts; the others go on with what they have.
    """

    def __init__(self, store: Storage, collection: Collection, cls: type[T], *, seconds: float = STALENESS) -> None:
        self._store = store
        self._collection = collection
        self._cls = cls
        self._seconds = seconds
        self._entries: dict[str, _Entry[T | None]] = {}
        self._due = 0.0
        self._again: list[tuple[str, _Entry[T | None]]] = []
        self._part = AT_LEAST
        self._ended = 0
        self._part_due = 0.0
        self._forgotten = 0

    def get(self, key: str) -> T | None:
        """The record of that key as it was at most ``seconds`` ago; None: there was none. Raises StorageError."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._seconds / 2
            self._plan(now)
        if self._again and now >= self._part_due:
            self._refresh(now)
        entry = self._entries.get(key)
        if entry is not None and entry.until > now:
            entry.used = True
            return entry.value
        forgotten = self._forgotten
        stored = self._store.get(self._collection, key)
        value = None if stored is None else record_of(self._cls, stored.document)
        if forgotten == self._forgotten:
            if entry is not None:
                entry.value, entry.state, entry.until, entry.used = value, None, now + self._seconds, True
            else:
                self._keep(key, _Entry(value, now + self._seconds), now)
        return value

    def forget(self, key: str) -> None:
        """Read the key anew the next time."""
        self._forgotten += 1
        self._entries.pop(key, None)

    def _plan(self, now: float) -> None:
        """Find what is to be read again, and drop what has ended."""
        entries = self._entries.copy()
        most = self._store.again_for_one
        oldest = now - most * self._seconds / 2
        ended: list[tuple[str, _Entry[T | None]]] = []
        again: list[tuple[str, _Entry[T | None]]] = []
        for key, entry in entries.items():
            if entry.used:
                entry.idle, entry.rounds = 0, most if entry.rounds else min(ROUNDS, most)
            else:
                entry.idle += 1
            if entry.idle < entry.rounds and entry.until > oldest:
                (again if entry.until > now else ended).append((key, entry))
            elif entry.until <= now and entry.idle >= most:
                self._entries.pop(key, None)
        self._part = max(AT_LEAST, len(again) // (PARTS - 1))
        self._ended = len(ended)
        self._part_due = now
        self._again = ended + again

    def _refresh(self, now: float) -> None:
        """Read a part of it again, first all that has ended; an entry that is forgotten meanwhile stays forgotten."""
        self._part_due = now + self._seconds / 2 / PARTS
        size, self._ended = max(self._part, self._ended), 0
        part, self._again = self._again[:size], self._again[size:]
        found = self._store.get_again(self._collection, {key: entry.state for key, entry in part})
        for key, entry in part:
            again = found.get(key)
            if again is None:
                entry.value, entry.state = None, None
            else:
                if again.stored is not None:
                    entry.value = record_of(self._cls, again.stored.document)
                entry.state = again.state
            entry.until = now + self._seconds
            entry.used = False

    def _keep(self, key: str, entry: _Entry[T | None], now: float) -> None:
        """Remember one more; of too many half are dropped, first those that do not count any more."""
        if len(self._entries) >= MOST_ENTRIES:
            entries = self._entries.copy()
            for old in sorted(entries, key=lambda old: entries[old].until > now)[: MOST_ENTRIES // 2]:
                self._entries.pop(old, None)
        self._entries[key] = entry
