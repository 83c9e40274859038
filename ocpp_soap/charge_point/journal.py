"""The outbox of a station in a store, so that it survives a restart."""

from __future__ import annotations

from typing import Any

from ocpp_soap.charge_point.documents import from_document, to_document
from ocpp_soap.charge_point.events import action_of
from ocpp_soap.charge_point.keeping import Keeping
from ocpp_soap.charge_point.queueing import Entry, is_demanded
from ocpp_soap.errors import AlreadyExists
from ocpp_soap.messages import Role, find_action
from ocpp_soap.storage.base import Collection, Document, Storage

OUTBOX = Collection("charge_point_outbox", indexes=(("station", "sequence"),))
"""One document for each request: station, sequence, action, message, transaction, waits_for_id, faults, source, reason.

``reason`` is empty while the request is queued; else it was set aside, and this says why.
"""


class StoredJournal:
    """A :class:`~ocpp_soap.charge_point.outbox.Journal` in ``storage``; one station, one process at a time."""

    def __init__(self, storage: Storage, charge_box_identity: str, keeping: Keeping) -> None:
        self._storage = storage
        self._station = charge_box_identity
        self._keeping = keeping

    def load(self) -> tuple[list[Entry], list[Entry]]:
        """What was queued, in order, and what was set aside."""
        queued: list[Entry] = []
        aside: list[Entry] = []
        for page in self._storage.find_pages(OUTBOX, {"station": self._station}, order="sequence", limit=500):
            for stored in page.items:
                (aside if stored.document["reason"] else queued).append(_entry(stored.document))
        return queued, aside

    def add(self, entry: Entry) -> None:
        """Keep a new entry; a Start or Stop is on disk on return, the others are safe from the process's end."""
        key, document = self._key(entry), self._document(entry, "")
        is_tried = False

        def create() -> None:
            nonlocal is_tried
            try:
                self._storage.create(OUTBOX, key, document, durable=is_demanded(entry))
            except AlreadyExists:
                if not is_tried:  # else it may be there since a try that seemed to fail
                    raise
                self._storage.put(OUTBOX, {key: document})
            finally:
                is_tried = True

        self._keeping.write((key,), create)

    def change(self, entries: list[Entry]) -> None:
        """Keep the present content of entries that were added before."""
        self._put({self._key(entry): self._document(entry, "") for entry in entries})

    def remove(self, entry: Entry) -> None:
        """Forget an entry that was delivered."""
        key = self._key(entry)
        self._keeping.write((key,), lambda: self._storage.delete(OUTBOX, key))

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Keep an entry that cannot be delivered, with the reason."""
        self._put({self._key(entry): self._document(entry, reason or "refused")})

    def _put(self, documents: dict[str, Document]) -> None:
        self._keeping.write(tuple(documents), lambda: self._storage.put(OUTBOX, documents))

    def _key(self, entry: Entry) -> str:
        return f"{self._station}/{entry.sequence:012d}"

    def _document(self, entry: Entry, reason: str) -> Document:
        return {
            "station": self._station,
            "sequence": entry.sequence,
            "action": action_of(entry.request),
            "message": to_document(entry.request),
            "transaction": entry.transaction,
            "waits_for_id": entry.waits_for_id,
            "faults": entry.faults,
            "source": entry.source,
            "reason": reason,
        }


def _entry(document: dict[str, Any]) -> Entry:
    action = find_action(Role.CENTRAL_SYSTEM, document["action"])
    if action is None:
        raise ValueError(f"the outbox holds a {document['action']!r}, which is no action of a central system")
    return Entry(
        document["sequence"],
        from_document(action.request, document["message"]),
        document["transaction"],
        document["waits_for_id"],
        document["faults"],
        source=document["source"],
    )
