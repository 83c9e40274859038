"""The message journal: who said what when, how long the answer took and what it was. Heartbeats are only counted.

Lines are gathered in the process and stored a second later, since the messages themselves are stored by their own
rules; a process that is killed loses that second of its journal. Lines end after ``keep_days``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ocpp_soap.central_system.collections import JOURNAL
from ocpp_soap.central_system.periodic import Periodic
from ocpp_soap.central_system.records import Listing, arrival_key, record_of, select, warning_documents
from ocpp_soap.dispatch import Exchanged
from ocpp_soap.errors import StorageError
from ocpp_soap.messages import Choice, Version
from ocpp_soap.storage.base import Document, Range, Storage

if TYPE_CHECKING:
    from ocpp_soap.soap.client import Transcript

DELAY = 1.0
LONGEST_ENVELOPE = 400_000
LONGEST_QUEUE = 50_000
BATCH = 500
_CLEANING = timedelta(minutes=10)


class Direction(Choice):
    """Who asked whom: ``in`` is a station's request, ``out`` one of ours."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One message with its answer, or a number of heartbeats.

    ``bytes_in`` is the size of what was received, ``bytes_out`` of what was sent. ``outcome`` is ``ok``, the subcode
    of a fault, or what went wrong in one word; ``reason`` says more of a call that failed. ``count`` is above 1 for
    heartbeats, which are counted together. ``request`` and ``response`` are the envelopes, if those are kept.
    """

    id: str
    at: datetime
    action: str
    direction: str
    outcome: str
    charge_box_identity: str | None = None
    version: str | None = None
    peer: str | None = None
    status: int | None = None
    milliseconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    count: int = 1
    reason: str | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    request: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A call of ours to a station: to whom, what, when, and how it ended."""

    charge_box_identity: str
    action: str
    version: Version
    at: datetime
    outcome: str
    reason: str | None


class Journal:
    """The journal of all messages. ``envelopes``: keep these too. Switched off, it keeps nothing."""

    def __init__(self, store: Storage, *, enabled: bool, envelopes: bool, keep_days: int) -> None:
        self._store = store
        self._enabled = enabled
        self._envelopes = envelopes
        self._keep = timedelta(days=keep_days)
        self._lock = threading.Lock()
        self._lines: list[tuple[str, Document]] = []
        self._heartbeats = 0
        self._cleaned_at = datetime.now(timezone.utc)
        self._writing = Periodic("journal", DELAY, self._write)

    def add(self, exchanged: Exchanged) -> None:
        """Note a station's request and its answer."""
        if not self._enabled:
            return
        if exchanged.action == "Heartbeat" and exchanged.outcome == "ok" and not exchanged.warnings:
            with self._lock:
                self._heartbeats += 1
            self._writing.begin()
            return
        self._append(
            at=exchanged.received_at,
            action=exchanged.action,
            direction=Direction.IN.value,
            outcome=exchanged.outcome,
            charge_box_identity=exchanged.charge_box_identity or None,
            version=exchanged.version.value if exchanged.version else None,
            peer=exchanged.peer or None,
            status=exchanged.status,
            milliseconds=round(exchanged.seconds * 1000, 3),
            bytes_in=len(exchanged.request),
            bytes_out=len(exchanged.response),
            warnings=warning_documents(exchanged.warnings),
            request=self._text(exchanged.request),
            response=self._text(exchanged.response),
        )

    def add_call(self, called: Called, seconds: float, transcript: Transcript) -> None:
        """Note a call of ours, how long it took and what went over the wire."""
        if self._enabled:
            self._append(
                at=called.at,
                action=called.action,
                direction=Direction.OUT.value,
                outcome=called.outcome,
                reason=called.reason,
                charge_box_identity=called.charge_box_identity,
                version=called.version.value,
                status=transcript.status or None,
                milliseconds=round(seconds * 1000, 3),
                bytes_in=len(transcript.response),
                bytes_out=len(transcript.request),
                warnings=warning_documents(transcript.warnings),
                request=self._text(transcript.request),
                response=self._text(transcript.response),
            )

    def get(self, entry_id: str) -> JournalEntry | None:
        """The entry of that id, or None."""
        stored = self._store.get(JOURNAL, entry_id)
        return None if stored is None else record_of(JournalEntry, stored.document)

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[JournalEntry]:
        """The entries that meet every condition, by time; ``since`` <= at < ``until``."""
        where: dict[str, Any] = {}
        if charge_box_identity is not None:
            where["charge_box_identity"] = charge_box_identity
        elif outcome is not None:
            where["outcome"] = outcome
        if since is not None or until is not None:
            where["at"] = Range(since, until)

        def keep(entry: JournalEntry) -> bool:
            return (action is None or entry.action == action) and (outcome is None or entry.outcome == outcome)

        return select(
            self._store,
            JOURNAL,
            where,
            lambda document: record_of(JournalEntry, document),
            keep=keep,
            order="at",
            descending=descending,
            limit=limit,
            after=after,
        )

    def flush(self) -> None:
        """Store what was noted so far. Raises StorageError, and keeps it for the next time, if the store cannot."""
        with self._lock:
            lines, self._lines = self._lines, []
            heartbeats, self._heartbeats = self._heartbeats, 0
        if heartbeats:
            at = datetime.now(timezone.utc)
            lines.append(_line(at=at, action="Heartbeat", direction=Direction.IN.value, outcome="ok", count=heartbeats))
        try:
            while lines:
                self._store.append(JOURNAL, lines[:BATCH])
                lines = lines[BATCH:]
        except StorageError:
            with self._lock:
                self._lines = [*lines, *self._lines][-LONGEST_QUEUE:]
            raise

    def forget_old(self, now: datetime) -> None:
        """Remove the entries that are older than the journal is kept."""
        while self._store.delete_where(JOURNAL, {"at": Range(None, now - self._keep)}):
            pass

    def close(self) -> None:
        """Store what is left and end the thread. Calling it again does nothing."""
        self._writing.end()
        if self._lines or self._heartbeats:
            self.flush()

    def _write(self) -> None:
        self.flush()
        now = datetime.now(timezone.utc)
        if now - self._cleaned_at > _CLEANING:
            self._cleaned_at = now
            self.forget_old(now)

    def _append(self, **values: Any) -> None:
        line = _line(**values)
        with self._lock:
            if len(self._lines) < LONGEST_QUEUE:
                self._lines.append(line)
        self._writing.begin()

    def _text(self, envelope: bytes) -> str | None:
        if not self._envelopes:
            return None
        return envelope[:LONGEST_ENVELOPE].decode("utf-8", "replace")


def _line(**values: Any) -> tuple[str, Document]:
    key = arrival_key()
    return key, {"id": key, **values}
