"""When each station was last heard: every message counts, but not every message is written.

The times are gathered in the process and stored in one batch every few seconds, so a stored time is never staler than
:data:`LONGEST_DELAY` seconds. A process killed in between loses them, and nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from datetime import datetime

import structlog

from ocpp_soap.central_system.collections import CONTACTS
from ocpp_soap.errors import StorageError, StoreClosed
from ocpp_soap.storage.base import Document, Storage

LONGEST_DELAY = 10.0
BATCH = 5_000

_log = structlog.get_logger("ocpp_soap.central_system")


class Contacts:
    """The time and the address of each station's last message."""

    def __init__(self, store: Storage, *, interval: float = LONGEST_DELAY / 2) -> None:
        self._store = store
        self._interval = interval
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._pending: dict[str, Document] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def seen(self, charge_box_identity: str, at: datetime, peer: str = "") -> None:
        """Note that a message of the station arrived ``at`` that time from the address ``peer``."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            self._pending[charge_box_identity] = {
                "charge_box_identity": charge_box_identity,
                "last_seen": at,
                "peer": peer,
            }
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_often, name="contacts", daemon=True)
                self._thread.start()

    def last_seen(self, charge_box_identities: Iterable[str]) -> dict[str, datetime]:
        """When each of the stations was last heard, as far as stored or noted by this process."""
        names = list(charge_box_identities)
        times: dict[str, datetime] = {
            name: stored.document["last_seen"] for name, stored in self._store.get_many(CONTACTS, names).items()
        }
        with self._lock:
            noted = {name: self._pending[name]["last_seen"] for name in names if name in self._pending}
        for name, at in noted.items():
            times[name] = max(at, times.get(name, at))
        return times

    def flush(self) -> None:
        """Store what was noted so far. Raises StorageError, and keeps it for the next time, if the store cannot."""
        with self._lock:
            pending, self._pending = self._pending, {}
        names = list(pending)
        try:
            for start in range(0, len(names), BATCH):
                self._store.put(CONTACTS, {name: pending[name] for name in names[start : start + BATCH]})
        except StorageError:
            with self._lock:
                self._pending = {**pending, **self._pending}
            raise

    def close(self) -> None:
        """Store what is left and end the thread. Calling it again does nothing."""
        if self._process != os.getpid():
            return
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _write_often(self) -> None:
        while not self._wake.wait(self._interval):
            try:
                self.flush()
            except StoreClosed:
                return
            except StorageError as error:
                _log.warning("last_seen could not be stored, trying again", error=str(error))
