"""When each station was last heard: every message counts, but not every message is written.

The times are gathered in the process and stored in one batch every few seconds, so a stored time is never staler than
:data:`LONGEST_DELAY` seconds. A process killed in between loses them, and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime

from ocpp_soap.central_system.collections import CONTACTS
from ocpp_soap.central_system.periodic import Periodic, ThisProcess
from ocpp_soap.errors import StorageError
from ocpp_soap.storage.base import Document, Storage

LONGEST_DELAY = 10.0
BATCH = 500

Contact = tuple[datetime | None, str | None]
"""Time and address of a station's last message."""


class Contacts:
    """The time and the address of each station's last message."""

    def __init__(self, store: Storage, *, interval: float = LONGEST_DELAY * 0.4) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._process = ThisProcess.id
        self._pending: dict[str, tuple[datetime, str]] = {}
        self._writing = Periodic("last_seen", interval, self.flush)

    def seen(self, charge_box_identity: str, at: datetime, peer: str = "") -> None:
        """Note that a message of the station arrived ``at`` that time from the address ``peer``."""
        if self._process != ThisProcess.id:
            self._process, self._lock, self._pending = ThisProcess.id, threading.Lock(), {}
        with self._lock:
            self._pending[charge_box_identity] = (at, peer)
        self._writing.begin()

    def of(self, charge_box_identities: Iterable[str]) -> dict[str, Contact]:
        """When and from where each of the stations was last heard, as far as stored or noted by this process."""
        names = list(charge_box_identities)
        found: dict[str, tuple[datetime, str]] = {}
        for name, stored in self._store.get_many(CONTACTS, names).items():
            found[name] = (stored.document["last_seen"], stored.document["peer"])
        with self._lock:
            noted = {name: self._pending[name] for name in names if name in self._pending}
        for name, contact in noted.items():
            found[name] = max(contact, found.get(name, contact))
        return dict(found)

    def flush(self) -> None:
        """Store what was noted so far. Raises StorageError, and keeps it for the next time, if the store cannot."""
        with self._lock:
            pending, self._pending = self._pending, {}
        names = list(pending)
        try:
            for start in range(0, len(names), BATCH):
                self._store.put(
                    CONTACTS, {name: _document(name, *pending[name]) for name in names[start : start + BATCH]}
                )
        except StorageError:
            with self._lock:
                self._pending = {**pending, **self._pending}
            raise

    def close(self) -> None:
        """Store what is left and end the thread. Calling it again does nothing."""
        self._writing.end()
        if self._process == ThisProcess.id and self._pending:
            self.flush()


def _document(charge_box_identity: str, at: datetime, peer: str) -> Document:
    return {"charge_box_identity": charge_box_identity, "last_seen": at, "peer": peer}
