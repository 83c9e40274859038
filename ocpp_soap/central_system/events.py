"""What happened, in the order in which it was stored: a log that is read with a cursor, by streams and webhooks.

Kinds are ``subject.verb``, such as ``transaction.started``; ``docs/events.md`` lists them with their data.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection as Many
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ocpp_soap.central_system.collections import EVENTS
from ocpp_soap.central_system.periodic import Periodic, ThisProcess
from ocpp_soap.central_system.records import arrival_key, document_of, plain, record_of
from ocpp_soap.errors import StorageError
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Document, Entries, Storage

LONGEST_DELAY = 0.2
BATCH = 1_000
_Batch = list[tuple[str, Document]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened ``at`` that time. ``charge_box_identity`` is None if it concerns no single station."""

    event_id: str
    kind: str
    at: datetime
    charge_box_identity: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events in the order of arrival. ``cursor`` is where to go on, now or when more have arrived.

    ``has_more``: there are more already.
    """

    items: list[Event]
    cursor: str | None
    has_more: bool = False


@dataclass(slots=True)
class Told:
    """An event, and what was noted before it, for a write to take along; ``is_stored`` is set when it has."""

    entries: Entries
    is_stored: bool = False


class Events:
    """The log of events."""

    def __init__(self, store: Storage) -> None:
        self._store = store
        self._process = ThisProcess.id
        self._beginning: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()
        self._noted: _Batch = []
        self._writing = Periodic("events", LONGEST_DELAY, self.flush)

    def add(
        self,
        kind: str,
        charge_box_identity: str | None = None,
        *,
        key: str = "",
        at: datetime | None = None,
        **data: Any,
    ) -> bool:
        """Store an event, which happened now or ``at`` that time, behind those that this process has noted.

        False: there is one with that ``key`` already, and nothing was added.
        """
        if self._process == ThisProcess.id:
            self.flush()
        return self._store.append(EVENTS, _stamped([_entry(kind, charge_box_identity, key, at, data)])) == 1

    def note(
        self,
        kind: str,
        charge_box_identity: str | None = None,
        *,
        key: str = "",
        at: datetime | None = None,
        **data: Any,
    ) -> None:
        """Store an event within :data:`LONGEST_DELAY` seconds; a process killed before that loses it."""
        self._begin_in_this_process()
        with self._lock:
            self._noted.append(_entry(kind, charge_box_identity, key, at, data))
        self._writing.begin()

    def keep(
        self, kind: str, charge_box_identity: str | None = None, *, key: str, at: datetime | None = None, **data: Any
    ) -> None:
        """Store an event now, unless there is one with that ``key``, behind those that this process has noted.

        Raises StorageError, and stores it later, if the store cannot.
        """
        self._begin_in_this_process()
        self._store_with([_entry(kind, charge_box_identity, key, at, data)])

    @contextmanager
    def together(
        self,
        kind: str,
        charge_box_identity: str | None = None,
        *,
        key: str,
        at: datetime | None = None,
        pending: Pending | None = None,
        **data: Any,
    ) -> Iterator[Told]:
        """An event for whoever stores it now, together with what it tells of; if not, what was noted stays noted.

        ``pending`` is what that was begun in.
        """
        self._begin_in_this_process()
        noted = self._take()
        told = Told(_stamped([*noted, _entry(kind, charge_box_identity, key, at, data)]))
        try:
            yield told
        finally:
            if not told.is_stored:
                self._note_again(noted)
            elif noted and pending is not None and pending.is_begun:
                pending.afterwards(lambda is_stored: None if is_stored else self._note_again(noted))

    def get(self, event_id: str) -> Event | None:
        """The event of that id, or None."""
        stored = self._store.get(EVENTS, event_id)
        return None if stored is None else record_of(Event, stored.document)

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        kinds: Many[str] = (),
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> EventPage:
        """The events of a station, of some kinds, or all, after a cursor of the same search (else ValueError).

        Fewer than ``limit`` may come although there are more, where few of them are of those kinds.
        """
        where = search_of(charge_box_identity, kinds)
        page = self._store.find(EVENTS, where, descending=descending, limit=limit, after=after, settled=not descending)
        found = [record_of(Event, item.document) for item in page.items]
        kept = [event for event in found if not kinds or event.kind in kinds]
        return EventPage(kept, page.cursor or after, page.next is not None)

    def _begin_in_this_process(self) -> None:
        if self._process != ThisProcess.id:
            with self._beginning.setdefault(ThisProcess.id, threading.Lock()):  # of this process, since it was forked
                if self._process != ThisProcess.id:
                    self._lock, self._noted = threading.Lock(), []
                    self._process = ThisProcess.id

    def _store_with(self, entries: Entries) -> None:
        """Store what was noted, up to BATCH of it, and ``entries``; what cannot be stored counts as noted."""
        batch = [*self._take(), *entries]
        if not batch:
            return
        try:
            self._store.write(append={EVENTS: _stamped(batch)})
        except StorageError:
            self._note_again(batch)
            raise

    def _take(self) -> _Batch:
        with self._lock:
            batch, self._noted = self._noted[:BATCH], self._noted[BATCH:]
        return batch

    def _note_again(self, batch: _Batch) -> None:
        if batch:
            with self._lock:
                self._noted = batch + self._noted
            self._writing.begin()

    def flush(self) -> None:
        """Store what was noted so far. Raises StorageError, and keeps it for the next time, if the store cannot.

        What is noted meanwhile waits for the next time, else there would be one command after the other under load.
        """
        for _ in range(0, len(self._noted), BATCH):
            self._store_with([])

    def close(self) -> None:
        """Store what is left and end the thread. Calling it again does nothing."""
        if self._process == ThisProcess.id:
            self._writing.end()
            while self._noted:
                self.flush()


def search_of(charge_box_identity: str | None, kinds: Many[str]) -> Document:
    """The search of the store that finds the events of a station, of some kinds, or all; it may find others too."""
    if charge_box_identity is not None:
        return {"charge_box_identity": charge_box_identity}
    return {"kind": next(iter(kinds))} if len(kinds) == 1 else {}


def json_of(event: Event) -> str:
    """An event as JSON, times in RFC 3339."""
    return json.dumps(document_of(event), default=_time_text, ensure_ascii=False)


def _time_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{value!r} cannot be sent")


def _entry(
    kind: str, charge_box_identity: str | None, key: str, at: datetime | None, data: dict[str, Any]
) -> tuple[str, Document]:
    event_id = key or arrival_key()
    document: Document = {"event_id": event_id, "kind": kind, "at": at or datetime.now(timezone.utc)}
    if charge_box_identity is not None:
        document["charge_box_identity"] = charge_box_identity
    document["data"] = {name: plain(value) for name, value in data.items() if value is not None}
    return event_id, document


def _stamped(entries: list[tuple[str, Document]]) -> list[tuple[str, Document]]:
    """The entries, with when they are stored, by which versions before 2026-12 follow the log."""
    now = datetime.now(timezone.utc)
    for _, document in entries:
        document["stored_at"] = now
    return entries
