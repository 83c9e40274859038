"""The message journal: who said what when, how long the answer took and what it was. Heartbeats are only counted.

Lines are gathered in the process and stored a second later, since the messages themselves are stored by their own
rules; a process that is killed loses that second of its journal. Lines end after ``keep_days``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ocpp_soap.central_system.collections import JOURNAL
from ocpp_soap.central_system.journal_entries import Called, Direction, JournalEntry
from ocpp_soap.central_system.masking import masked_text
from ocpp_soap.central_system.periodic import Periodic
from ocpp_soap.central_system.records import Listing, arrival_key, record_of, select, warning_documents
from ocpp_soap.central_system.texts import LONGEST_TEXT
from ocpp_soap.dispatch import Exchanged
from ocpp_soap.errors import StorageError
from ocpp_soap.soap.charsets import text_of
from ocpp_soap.storage.base import Document, Range, Storage

if TYPE_CHECKING:
    from ocpp_soap.soap.client import Transcript

DELAY = 1.0
LONGEST_ENVELOPE = 100_000
LONGEST_QUEUE = 50_000
MOST_TEXT = 64_000_000
"""Characters of envelopes that wait to be stored; while there are more, lines are noted without theirs."""
BATCH, BATCH_TEXT = 500, 4_000_000
_CLEANING = timedelta(minutes=10)
_IN = Direction.IN.value
_Lines = list[Document]


class Journal:
    """The journal of all messages. ``envelopes``: keep these too. Switched off, it keeps nothing."""

    def __init__(self, store: Storage, *, enabled: bool, envelopes: bool, keep_days: int) -> None:
        self._store = store
        self._enabled = enabled
        self._envelopes = envelopes
        self._keep = timedelta(days=keep_days)
        self._lock = threading.Lock()
        self._lines: deque[Document] = deque()
        self._text_waiting = 0
        self._heartbeats = 0
        self._cleaned_at, self._cleaned_after = datetime.now(timezone.utc), time.monotonic()
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
        document: Document = {
            "id": arrival_key(),
            "at": exchanged.received_at,
            "action": exchanged.action,
            "direction": _IN,
            "outcome": exchanged.outcome,
            "status": exchanged.status,
            "milliseconds": round(exchanged.seconds * 1000, 3),
            "bytes_in": len(exchanged.request),
            "bytes_out": len(exchanged.response),
        }
        if exchanged.charge_box_identity:
            document["charge_box_identity"] = exchanged.charge_box_identity
        if exchanged.version is not None:
            document["version"] = exchanged.version.value
        if exchanged.peer:
            document["peer"] = exchanged.peer
        if exchanged.warnings:
            document["warnings"] = warning_documents(exchanged.warnings)
        self._append(document, exchanged.request, exchanged.response, exchanged.charset)

    def add_call(self, called: Called, seconds: float, transcript: Transcript) -> None:
        """Note a call of ours, how long it took and what went over the wire, without the passwords of URLs in it."""
        if self._enabled:
            document = {
                "id": arrival_key(),
                "at": called.at,
                "action": called.action,
                "direction": Direction.OUT.value,
                "outcome": called.outcome,
                "reason": called.reason and masked_text(called.reason)[:LONGEST_TEXT],
                "charge_box_identity": called.charge_box_identity,
                "version": called.version.value,
                "status": transcript.status or None,
                "milliseconds": round(seconds * 1000, 3),
                "bytes_in": len(transcript.response),
                "bytes_out": len(transcript.request),
                "warnings": warning_documents(transcript.warnings),
            }
            self._append(document, transcript.request, transcript.response, edit=masked_text)

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
        """Store what was noted so far. Raises StorageError, and keeps it for the next time, if the store cannot.

        What is noted meanwhile waits for the next time, else there would be one command after the other under load.
        """
        with self._lock:
            heartbeats, self._heartbeats = self._heartbeats, 0
        if heartbeats:
            at = datetime.now(timezone.utc)
            beats = {"at": at, "action": "Heartbeat", "direction": _IN, "outcome": "ok", "count": heartbeats}
            self._lines.append({"id": arrival_key(), **beats})
        waiting = len(self._lines)
        while waiting > 0 and (batch := self._batch()):
            waiting -= len(batch)
            try:
                self._store.write(append={JOURNAL: [(line["id"], line) for line in batch]})
            except StorageError:
                self._lines.extendleft(reversed(batch))
                raise
            if self._envelopes:
                with self._lock:
                    self._text_waiting -= sum(map(_text_size, batch))

    def forget_old(self, now: datetime) -> None:
        """Remove the entries that are older than the journal is kept."""
        while self._store.delete_where(JOURNAL, {"at": Range(None, now - self._keep)}):
            pass

    def close(self) -> None:
        """Store what is left and end the thread. Calling it again does nothing."""
        self._writing.end()
        while self._lines or self._heartbeats:
            self.flush()

    def _write(self) -> None:
        self.flush()
        now, after = datetime.now(timezone.utc), time.monotonic()
        passed = now - self._cleaned_at
        if abs(passed) > _CLEANING:
            is_set_ahead = passed > timedelta(seconds=after - self._cleaned_after) + _CLEANING
            self._cleaned_at, self._cleaned_after = now, after
            if not is_set_ahead:  # else it may be wrong, and there is as long again to set it right
                self.forget_old(now)

    def _append(
        self,
        document: Document,
        request: bytes,
        response: bytes,
        charset: str = "",
        edit: Callable[[str], str] | None = None,
    ) -> None:
        if len(self._lines) >= LONGEST_QUEUE:
            return
        if self._envelopes and self._text_waiting <= MOST_TEXT:
            if edit is None:
                document["request"], document["response"] = _text(request, charset), _text(response)
            else:
                document["request"], document["response"] = edit(_text(request)), edit(_text(response))
            with self._lock:
                self._text_waiting += _text_size(document)
        self._lines.append(document)
        self._writing.begin()

    def _batch(self) -> _Lines:
        """The first lines, taken out, as many as a store takes at once."""
        batch: _Lines = []
        size = 0
        with self._lock:
            while self._lines and len(batch) < BATCH:
                size += _text_size(self._lines[0])
                if batch and size > BATCH_TEXT:
                    break
                batch.append(self._lines.popleft())
        return batch


def _text(envelope: bytes, charset: str = "") -> str:
    return text_of(envelope[:LONGEST_ENVELOPE], charset)


def _text_size(document: Document) -> int:
    return len(document.get("request", "")) + len(document.get("response", ""))
