"""A charge point: its connectors, its rules, and its one line to the central system.

A station has no thread. It lives on a :class:`~ocpp_soap.charge_point.scheduler.Schedule`, which a thousand stations
can share, and everything that touches its state holds its ``lock``.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from ocpp_soap.charge_point.authorization import Authorization
from ocpp_soap.charge_point.availability import Availability
from ocpp_soap.charge_point.configuration import Configuration
from ocpp_soap.charge_point.connector import Connector
from ocpp_soap.charge_point.diagnostics import Diagnostics
from ocpp_soap.charge_point.events import Exchange, action_of
from ocpp_soap.charge_point.firmware import Firmware
from ocpp_soap.charge_point.journal import StoredJournal
from ocpp_soap.charge_point.keeping import Keeping
from ocpp_soap.charge_point.local_list import LocalList
from ocpp_soap.charge_point.meter import SimulatedMeter
from ocpp_soap.charge_point.metering import Metering, transaction_data
from ocpp_soap.charge_point.operation import Operation
from ocpp_soap.charge_point.options import StationOptions
from ocpp_soap.charge_point.outbox import Outbox
from ocpp_soap.charge_point.queueing import Entry, Then, is_demanded
from ocpp_soap.charge_point.registration import Registration
from ocpp_soap.charge_point.reservations import Reservations
from ocpp_soap.charge_point.restarts import Restarts
from ocpp_soap.charge_point.scheduler import Schedule
from ocpp_soap.charge_point.sender import Sender
from ocpp_soap.charge_point.sessions import Sessions
from ocpp_soap.charge_point.state import StoredState
from ocpp_soap.charge_point.states import States
from ocpp_soap.errors import OcppSoapError
from ocpp_soap.messages import (
    ChargePointStatus,
    DataTransferRequest,
    IdTagInfo,
    StartTransactionResponse,
    StopTransactionRequest,
    StopTransactionResponse,
    Version,
)
from ocpp_soap.storage.base import Document, Storage

_log = structlog.get_logger("ocpp_soap.charge_point")

_LOG_LENGTH = 200

Observer = Callable[["Station", str, Any], None]
"""Told of what happens: the station, the event's name and what it is about."""


class Station(Operation):
    """One charge point of ``version`` that calls the central system through ``sender``.

    With ``storage``, the queue and the state survive a restart of the process. ``observer`` is told of the events of
    :mod:`ocpp_soap.charge_point.events`, with the lock held: it must return at once. ``answers`` holds, by action,
    what the station answers instead of what its handlers would. It takes calls while it is ``reachable``: switched on,
    as what it promised before would be lost with what it takes over from its store, and not cut off.
    """

    def __init__(
        self,
        charge_box_identity: str,
        version: Version,
        sender: Sender,
        schedule: Schedule,
        options: StationOptions | None = None,
        *,
        storage: Storage | None = None,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(schedule)
        self.options = options or StationOptions()
        self.charge_box_identity = charge_box_identity
        self.version = version
        self.log: deque[tuple[datetime, str]] = deque(maxlen=_LOG_LENGTH)
        self.firmware_version = self.options.firmware_version
        self.transfers = self.options.transfers
        self.reachable = False
        self.answers: dict[str, Any] = {}
        self._switched = False
        self._sender = sender
        self._observer = observer
        self.connectors = {n: Connector(n, self.options.meter(n)) for n in range(1, self.options.connectors + 1)}
        initial = {"NumberOfConnectors": str(self.options.connectors), **self.options.configuration}
        self.configuration = Configuration(version, initial, self._configuration_changed)
        self.local_list = LocalList(version, self.configuration.integer("LocalAuthListMaxLength"))
        self.authorization = Authorization(self)
        self.availability = Availability(self)
        self.reservations = Reservations(self)
        self.states = States(self)
        self.metering = Metering(self)
        self.sessions = Sessions(self)
        self.restarts = Restarts(self)
        self.registration = Registration(self, self.options.backoff)
        self.diagnostics = Diagnostics(self)
        self.firmware = Firmware(self)
        self.keeping = Keeping(charge_box_identity)
        journal = StoredJournal(storage, charge_box_identity, self.keeping) if storage is not None else None
        self.outbox = Outbox(self._send, schedule, self, lock=self.lock, journal=journal, backoff=self.options.backoff)
        self.state = StoredState(storage, self)

    @property
    def has_transaction(self) -> bool:
        """Whether there is a transaction on one of its connectors."""
        return any(connector.transaction for connector in self.connectors.values())

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch the station on: restore what was saved and send BootNotification until it is accepted.

        That is done once. To switch it on again, make another one: with the same storage it takes over what is there.
        """
        with self.lock:
            if self._switched:
                raise RuntimeError(f"{self.charge_box_identity} was switched on or off already: make another Station")
            self.state.restore()
            self._switched = True  # now: where the store was away, it can be tried again
            self.reachable = True
            self.note("started")
            self.metering.rearm()
            self.registration.boot()

    def stop(self) -> None:
        """Switch the station off; what it has not delivered stays in its store, if it has one."""
        with self.lock:
            self._switched, self.reachable = True, False
            self.save_state()
            self.diagnostics.stop()
            self.firmware.stop()
            self.registration.stop()
            self.outbox.stop()

    def reset(self) -> None:
        """Stop all transactions, deliver that, and start again (15 §5.12, notes 7.24)."""
        with self.lock:
            self.sessions.stop_all()
            self.restart()

    def restart(self) -> None:
        """Boot again as soon as the queue is delivered, or could not be for a while."""
        with self.lock:
            self.restarts.begin()

    def transfer_data(self, request: DataTransferRequest, then: Then) -> None:
        """Send a DataTransfer (1.5); ``then`` gets its answer, or the reason why there is none."""
        with self.lock:
            self.outbox.ask(request, then)

    # --- what the parts of the station use ------------------------------------------------------------------------

    def set_clock(self, current_time: datetime) -> None:
        """Take over the central system's time; what waits for a date waits for it by the new clock."""
        by = current_time - self.now()
        super().set_clock(current_time)
        self.note("clock set")
        for connector in self.connectors.values():
            if isinstance(connector.meter, SimulatedMeter):
                connector.meter.clock_moved(by)
        self.metering.clock_moved(by)
        self.reservations.rearm()
        self.firmware.rearm()
        self.save_state()
        self.event("clock_set", by)

    def note(self, text: str) -> None:
        """Add a line to the log that GetDiagnostics uploads."""
        self.log.append((self.now(), text))

    def event(self, name: str, subject: Any) -> None:
        """Tell the observer."""
        if self._observer is not None:
            self._observer(self, name, subject)

    def save_state(self) -> None:
        """Write the state to the store, if there is one."""
        self.state.save()

    def ran_before(self, connector_id: int, saved: Document, energy: float) -> None:
        """End a transaction that ran when the station was switched off, with what was known of it then.

        One that is saved without an id, and whose Start is not queued, was killed before it began.
        """
        transaction_id = saved["transaction_id"]
        if transaction_id is None and not self.outbox.holds_start(saved["handle"]):
            self.state.forget_data(saved["handle"])
            return
        request = StopTransactionRequest(
            transaction_id=transaction_id or 0,
            timestamp=saved["seen"],
            meter_stop=int(energy),
            transaction_data=transaction_data(self.state.data_of(saved["handle"])),
        )
        self.note(f"connector {connector_id}: the transaction from before the restart ended")
        self.outbox.put(request, transaction=saved["handle"], waits_for_id=transaction_id is None)

    def restore_meter(self, connector: Connector, energy: float) -> None:
        """Let a simulated meter go on from the register it had."""
        if isinstance(connector.meter, SimulatedMeter):
            connector.meter = SimulatedMeter(energy, connector.meter.curve)

    def learn(self, id_tag: str, info: IdTagInfo, *, from_stop: bool = False) -> None:
        """Put what the central system said of a tag into the list."""
        self.local_list.learn(id_tag, info, from_stop=from_stop)
        self.save_state()

    def status_of(self, connector_id: int) -> ChargePointStatus:
        """The state of a connector, or of the station as 0."""
        return self.states.status_of(connector_id)

    def report_changes(self) -> None:
        """Queue a StatusNotification for each connector, and for the station, whose state became another one."""
        if self.registration.accepted:
            self.states.report()

    def accepted(self) -> None:
        """The central system accepted the boot: report every state and let the queue go."""
        self.note("boot accepted")
        self.states.forget_reports()
        self.report_changes()
        self.outbox.open()
        self.event("accepted", None)

    # --- the outbox's owner ---------------------------------------------------------------------------------------

    def answered(self, entry: Entry, response: Any) -> None:
        """A queued request was answered."""
        if isinstance(response, StartTransactionResponse):
            self.sessions.start_answered(entry, response)
        elif isinstance(response, StopTransactionResponse):
            self.sessions.stop_answered(entry, response)
        self.event("delivered", (entry, response))

    def given_up(self, entry: Entry, error: OcppSoapError) -> None:
        """A queued request cannot be delivered."""
        action = action_of(entry.request)
        _log.warning("message given up", charge_box_identity=self.charge_box_identity, action=action, reason=str(error))
        self.note(f"{action} given up: {error}")
        self.event("given_up", (entry, error))
        if is_demanded(entry):
            self.sessions.given_up(entry)

    def _send(self, request: Any) -> Any:
        started = time.perf_counter()
        response, error = None, None
        try:
            response = self._sender(request)
        except OcppSoapError as failure:
            error = failure
            raise
        finally:
            with self.lock:
                if error is None:
                    self.registration.exchanged()
                exchange = Exchange(request, response, error, time.perf_counter() - started)
                self.note(f"{exchange.action} {'answered' if error is None else f'failed: {error}'}")
                self.event("exchange", exchange)
        return response

    def _configuration_changed(self, name: str) -> None:
        if name == "HeartBeatInterval":
            self.registration.interval_changed()
        elif name in ("MeterValueSampleInterval", "ClockAlignedDataInterval"):
            self.metering.rearm()
        self.save_state()
