"""What is counted in the store at a scrape: stations, connectors, sessions, commands."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from ocpp_soap.central_system.collections import CONNECTORS, STATIONS, TRANSACTIONS
from ocpp_soap.central_system.stations import Registration
from ocpp_soap.central_system.transactions import TransactionState
from ocpp_soap.messages import ChargePointStatus
from ocpp_soap.web.metrics import catalogue
from ocpp_soap.web.metrics.counting import Series

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

FRESH = 5.0


class Fleet:
    """The state of the fleet in numbers, counted anew if they are older than :data:`FRESH` seconds."""

    def __init__(self, central_system: CentralSystem) -> None:
        self._central_system = central_system
        self._lock = Lock()
        self._counted_at = float("-inf")
        self._series: Series = {}

    def series(self) -> Series:
        """The gauges. Raises StorageError."""
        with self._lock:
            if time.monotonic() - self._counted_at > FRESH:
                self._series = self._count()
                self._counted_at = time.monotonic()
            return self._series

    def _count(self) -> Series:
        store = self._central_system.store
        found: Series = {}
        for registration in Registration:
            if registration is not Registration.UNKNOWN:
                number = store.count(STATIONS, {"registration": registration.value})
                found[catalogue.STATIONS.name, (registration.value,)] = [number]
        for status in ChargePointStatus:
            found[catalogue.CONNECTORS.name, (status.value,)] = [store.count(CONNECTORS, {"status": status.value})]
        open_sessions = store.count(TRANSACTIONS, {"state": TransactionState.OPEN.value})
        found[catalogue.OPEN_TRANSACTIONS.name, ()] = [open_sessions]
        for state, number in self._central_system.command_queue.counts().items():
            found[catalogue.COMMANDS.name, (str(state),)] = [number]
        return found
