"""The store between the controller and the daemon: its collections, and what both sides do with them.

The hardware side inserts documents with the state :data:`RECEIVED`; the daemon takes them in the order of ``created``
and writes the next state, the answer or the reason into the same document. What the central system wants is in
``commands``, with the state :data:`WANTED`, until the hardware side has seen it. See ``docs/chargebox.md``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from ocpp_soap.charge_point.chargebox.documents import time_of
from ocpp_soap.errors import NotFound, RevisionConflict
from ocpp_soap.messages import ChargePointErrorCode, ChargePointStatus
from ocpp_soap.storage.base import Collection, Document, Storage, Stored

RECEIVED, QUEUED, ANSWERED, FAILED = "ReceivedFromModbus", "Queued", "Answered", "Failed"
WANTED, SEEN = "ReceivedFromCentralSystem", "SeenByController"

_BY_STATE = (("state", "created"),)
TAG_REQUESTS = Collection("tag_requests", indexes=_BY_STATE)
STATUS_NOTIFICATIONS = Collection("status_notifications", indexes=_BY_STATE)
START_TRANSACTIONS = Collection("start_transactions", indexes=_BY_STATE)
STOP_TRANSACTIONS = Collection("stop_transactions", indexes=_BY_STATE)
COMMANDS = Collection("commands", indexes=_BY_STATE)
CONNECTORS = Collection("connectors")
CHARGE_BOX = Collection("charge_box")

TAKEN = (TAG_REQUESTS, STATUS_NOTIFICATIONS, START_TRANSACTIONS, STOP_TRANSACTIONS)
BY_NAME = {collection.name: collection for collection in TAKEN}

_SINGLE = (str, int, float, bool, datetime, type(None))


class Exchange:
    """Reads and writes the documents; for the daemon, and for bridges written in Python."""

    def __init__(self, storage: Storage, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._now = now

    # --- the hardware side ----------------------------------------------------------------------------------------

    def tag(self, connector_id: int, id_tag: str) -> str:
        """A tag was presented; the key of the document, which will hold the decision."""
        return self.insert(TAG_REQUESTS, {"connector_id": connector_id, "id_tag": id_tag})

    def status(self, connector_id: int, status: ChargePointStatus, error_code: ChargePointErrorCode) -> str:
        """A connector has another state."""
        content = {"connector_id": connector_id, "status": str(status), "error_code": str(error_code)}
        return self.insert(STATUS_NOTIFICATIONS, content | {"timestamp": self._now()})

    def started(self, connector_id: int, id_tag: str, meter_start: int) -> str:
        """Energy flows for a tag; the key of the document, which names the transaction from now on."""
        content = {"connector_id": connector_id, "id_tag": id_tag, "meter_start": meter_start}
        return self.insert(START_TRANSACTIONS, content | {"timestamp": self._now()})

    def stopped(self, start: str, meter_stop: int, id_tag: str | None = None) -> str:
        """The transaction that began with the document ``start`` has ended."""
        content = {"start": start, "meter_stop": meter_stop, "id_tag": id_tag}
        return self.insert(STOP_TRANSACTIONS, content | {"timestamp": self._now()})

    def measure(self, connector_id: int, energy: float, power: float) -> None:
        """The register in Wh and the power in W of a connector."""
        self.update(CONNECTORS, str(connector_id), energy=energy, power=power, measured=self._now())

    def commands(self) -> Iterator[Document]:
        """What the central system wants, in its order; each command has been seen when the next one is asked for."""
        for stored in self._storage.find(COMMANDS, {"state": WANTED}, order="created").items:
            yield stored.document
            self.update(COMMANDS, stored.key, state=SEEN)

    def insert(self, collection: Collection, content: Document) -> str:
        """Add a document as the hardware side does; its key."""
        key = uuid.uuid4().hex
        self._storage.create(collection, key, {**content, "state": RECEIVED, "created": self._now()}, durable=True)
        return key

    # --- the daemon's side ----------------------------------------------------------------------------------------

    def in_state(self, state: str) -> list[tuple[Collection, Stored]]:
        """The documents in a state of all four collections, in the order of their creation."""
        found = [
            (collection, stored)
            for collection in TAKEN
            for stored in self._storage.find(collection, {"state": state}, order="created", limit=500).items
        ]
        return sorted(found, key=lambda item: time_of(item[1].document.get("created")))

    def is_stopped(self, start: str) -> bool:
        """Whether the stop of that start is there and not taken yet."""
        found = self._storage.find(STOP_TRANSACTIONS, {"state": RECEIVED}, order="created", limit=500).items
        return any(stored.document.get("start") == start for stored in found)

    def command(self, action: str, connector_id: int, **content: Any) -> None:
        """Tell the hardware side what the central system wants of a connector (0: of the box)."""
        document = {"action": action, "connector_id": connector_id, **content}
        self._storage.create(
            COMMANDS, uuid.uuid4().hex, {**document, "state": WANTED, "created": self._now()}, durable=True
        )

    # --- both -----------------------------------------------------------------------------------------------------

    def get(self, collection: Collection, key: str) -> Document | None:
        """A document."""
        stored = self._storage.get(collection, key)
        return stored.document if stored else None

    def update(self, collection: Collection, key: str, **changes: Any) -> Stored:
        """Change fields of a document, which is made if it is missing, whoever else writes to it.

        If it holds what only another program could write, its lists, its maps and what else is no single value become
        texts.
        """
        while True:
            stored = self._storage.get(collection, key)
            if stored is None:
                self._storage.put(collection, {key: {}})
                continue
            try:
                return self._replace(collection, stored, stored.document | changes)
            except (RevisionConflict, NotFound):
                continue

    def _replace(self, collection: Collection, stored: Stored, content: Document) -> Stored:
        try:
            return self._storage.replace(collection, stored.key, content, revision=stored.revision)
        except ValueError:
            plain = {name: value if isinstance(value, _SINGLE) else str(value) for name, value in content.items()}
            return self._storage.replace(collection, stored.key, plain, revision=stored.revision)
