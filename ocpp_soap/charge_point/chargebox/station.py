"""The station of a charge box: its controller runs the sessions, so starting and stopping one is a command to it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from ocpp_soap.charge_point.chargebox import documents
from ocpp_soap.charge_point.chargebox.documents import StartDocument, StatusDocument, Unusable
from ocpp_soap.charge_point.chargebox.exchange import CONNECTORS, FAILED, START_TRANSACTIONS, Exchange
from ocpp_soap.charge_point.connector import Authorised, Connector
from ocpp_soap.charge_point.sessions import Sessions
from ocpp_soap.charge_point.station import Station
from ocpp_soap.charge_point.status import status_notification
from ocpp_soap.charge_point.transaction import Transaction
from ocpp_soap.messages import ChargePointStatus
from ocpp_soap.storage.base import Document

_OUT_OF_USE = (ChargePointStatus.FAULTED, ChargePointStatus.UNAVAILABLE)


class StoredMeter:
    """The meter of a connector as the hardware side last wrote it; what is no number counts as 0."""

    def __init__(self, exchange: Exchange, connector_id: int) -> None:
        self._exchange = exchange
        self._key = str(connector_id)

    def energy(self, _now: datetime) -> float:
        """The register in Wh."""
        return self._read("energy")

    def power(self, _now: datetime) -> float:
        """The power in W."""
        return self._read("power")

    def close(self, _now: datetime, *, new_vehicle: bool) -> None:
        """The contactor is the controller's affair."""

    def open(self, _now: datetime) -> None:
        """The contactor is the controller's affair."""

    def _read(self, field: str) -> float:
        written: Any = (self._exchange.get(CONNECTORS, self._key) or {}).get(field)
        try:
            value = float(written)
        except (TypeError, ValueError):
            return 0.0
        return value if math.isfinite(value) else 0.0


class BoxStation(Station):
    """A station that reports what its controller reports, and lets it carry out what is wanted."""

    sessions: BoxSessions

    def __init__(self, exchange: Exchange, *arguments: Any, **more: Any) -> None:
        self.exchange = exchange
        self._reported: dict[int, ChargePointStatus] = {}
        super().__init__(*arguments, **more)
        self.sessions = BoxSessions(self, exchange)

    def start(self) -> None:
        """Switch the box on, in the states that its controller reported last."""
        with self.lock:
            for connector_id in (0, *self.connectors):
                known = self._reported_last(connector_id)
                if known is not None:
                    self._take_over(connector_id, known.status)
            super().start()
            self.report_changes()

    def controller_reported(self, connector_id: int, status: ChargePointStatus) -> None:
        """The state of a connector, or of the box as 0, counts from now on: what is out of use is kept for nobody."""
        self._take_over(connector_id, status)
        for connector in self.connectors.values():
            if self.status_of(connector.connector_id) in _OUT_OF_USE:
                self.sessions.give_up_waiting(connector)
        self.reservations.end_unusable()
        self.save_state()
        self.report_changes()

    def status_of(self, connector_id: int) -> ChargePointStatus:
        """The state of a connector, or of the box as 0: out of use if the controller says so of either."""
        for reported in (self._reported.get(connector_id), self._reported.get(0)):
            if reported in _OUT_OF_USE:
                return reported
        return super().status_of(connector_id)

    def report_changes(self) -> None:
        """The states that count are the controller's; a change of what may be used, and how, is told to it."""
        timeout = self.configuration.integer("ConnectionTimeOut")
        for connector in self.connectors.values():
            usable = connector.operative and self.availability.idle_connectors_operative
            reserved = self.reservations.of(connector.connector_id)
            reserved_for = reserved.id_tag if reserved else None
            wanted = {"operative": usable, "reserved_for": reserved_for, "connection_timeout": timeout}
            key = str(connector.connector_id)
            known = self.exchange.get(CONNECTORS, key) or {}
            if any(known.get(name) != value for name, value in wanted.items()):
                self.exchange.update(CONNECTORS, key, **wanted)

    def accepted(self) -> None:
        """The central system accepted the boot: tell it the states that were last reported."""
        for connector_id in (0, *self.connectors):
            known = self._reported_last(connector_id)
            if known is not None:
                notification = status_notification(
                    self.version, connector_id, known.status, known.error_code, self.now()
                )
                self.outbox.put(notification)
        super().accepted()

    def ran_before(self, connector_id: int, saved: Document, _energy: float) -> None:
        """The session that ran when the daemon ended goes on, unless its start failed: only the controller ends it."""
        start = self.exchange.get(START_TRANSACTIONS, saved["handle"]) or {}
        connector = self.connectors.get(connector_id)
        if connector is None or start.get("state") == FAILED:
            return
        try:
            document: StartDocument = documents.read(StartDocument, start)
        except Unusable as reason:
            self.note(f"connector {connector_id}: the transaction from before the restart is not known: {reason}")
            return
        transaction = Transaction(
            connector_id, saved["id_tag"], document.timestamp, document.meter_start,
            transaction_id=saved["transaction_id"] or start.get("transaction_id"), handle=saved["handle"],
        )  # fmt: skip
        self.sessions.adopt(connector, transaction)

    def unlock(self, connector_id: int) -> bool:
        """Let the controller end the session and open the lock."""
        unlocked = super().unlock(connector_id)
        if unlocked:
            self.exchange.command("UnlockConnector", connector_id)
        return unlocked

    def reset(self) -> None:
        """Let the controller end its sessions and restart, then boot."""
        super().reset()
        self.exchange.command("Reset", 0)

    def _configuration_changed(self, name: str) -> None:
        super()._configuration_changed(name)
        self.report_changes()

    def _take_over(self, connector_id: int, status: ChargePointStatus) -> None:
        self._reported[connector_id] = status
        if connector_id:
            self.connectors[connector_id].plugged = status is ChargePointStatus.OCCUPIED

    def _reported_last(self, connector_id: int) -> StatusDocument | None:
        known = self.exchange.get(CONNECTORS, str(connector_id)) or {}
        told = {name: value for name, value in known.items() if name in ("status", "error_code")}
        try:
            document: StatusDocument = documents.read(StatusDocument, told | {"connector_id": connector_id})
        except Unusable:
            return None
        return document


class BoxSessions(Sessions):
    """Sessions that begin and end when the controller says so."""

    def __init__(self, station: BoxStation, exchange: Exchange) -> None:
        super().__init__(station)
        self._exchange = exchange

    def stop(self, connector: Connector, id_tag: str | None = None) -> None:
        """Ask the controller to end the session."""
        self.give_up_waiting(connector)
        if connector.transaction is not None:
            self._exchange.command("StopTransaction", connector.connector_id, id_tag=id_tag)

    def adopt(self, connector: Connector, transaction: Transaction) -> None:
        """The controller says that a session runs."""
        self.give_up_waiting(connector)
        connector.transaction = transaction
        self._by_handle[transaction.handle] = transaction
        self._station.metering.rearm()
        self._station.save_state()
        self._station.event("started", transaction)

    def ended(self, handle: str) -> None:
        """The controller says that a session has ended."""
        station = self._station
        for connector in station.connectors.values():
            if connector.transaction is not None and connector.transaction.handle == handle:
                transaction, connector.transaction = connector.transaction, None
                station.availability.transaction_ended()
                station.firmware.transaction_ended()
                station.event("stopped", transaction)

    def _let_in(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> None:
        station = self._station
        seconds = station.configuration.integer("ConnectionTimeOut")
        timeout = station.after(seconds, lambda: self._timed_out(connector, id_tag))
        connector.waiting = Authorised(id_tag, parent_id_tag, timeout)
        self._exchange.command("StartTransaction", connector.connector_id, id_tag=id_tag)

    def _usable(self, connector: Connector) -> bool:
        return super()._usable(connector) and self._station.status_of(connector.connector_id) not in _OUT_OF_USE
