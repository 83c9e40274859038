"""``ocpp-soap chargebox``: the daemon between a controller and a central system."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

import structlog

from ocpp_soap.charge_point.chargebox.bridges import Bridge, load_bridge
from ocpp_soap.charge_point.chargebox.exchange import CHARGE_BOX, Exchange
from ocpp_soap.charge_point.chargebox.intake import Intake
from ocpp_soap.charge_point.chargebox.settings import ChargeBoxSettings
from ocpp_soap.charge_point.chargebox.station import BoxStation, StoredMeter
from ocpp_soap.charge_point.events import Exchange as MessageExchange
from ocpp_soap.charge_point.listener import Listener, Stations
from ocpp_soap.charge_point.metering import next_boundary
from ocpp_soap.charge_point.options import StationOptions
from ocpp_soap.charge_point.scheduler import Scheduler, Timer
from ocpp_soap.charge_point.sender import central_system_sender
from ocpp_soap.charge_point.station import Station
from ocpp_soap.charge_point.transfer import Transfers
from ocpp_soap.config import Settings
from ocpp_soap.dispatch import load_handlers
from ocpp_soap.messages import BootNotificationRequest, RegistrationStatus, Role
from ocpp_soap.paths import bundled
from ocpp_soap.soap.settings import server_settings
from ocpp_soap.storage.base import Storage

_log = structlog.get_logger("ocpp_soap.chargebox")


class BootState(IntEnum):
    """How far the box is: kept in the collection ``charge_box``."""

    START = 0
    CONTROLLER_ANSWERED = 1
    BOOT_SENT = 2
    ACCEPTED = 3
    REFUSED = 4


class ChargeBox:
    """One charge box on ``storage``. Use as a context manager; :meth:`run` works until it is told to end."""

    def __init__(self, options: ChargeBoxSettings, settings: Settings, storage: Storage) -> None:
        self.options = options
        self.exchange = Exchange(storage, self._now)
        self._ended = False
        self._failing: dict[str, str] = {}
        self._refused = False
        self._meter_timer: Timer | None = None
        stations = Stations(load_handlers(Role.CHARGE_POINT, [*settings.handlers.paths, bundled("handlers")]))
        self._listener = Listener(
            stations, server_settings(settings, Role.CHARGE_POINT), options.listen.host, options.listen.port
        )
        self._schedule = Scheduler(workers=2)
        self.station = self._station(storage)
        stations.add(self.station)
        self._intake = Intake(self.station, self.exchange)
        self._bridge: Bridge = load_bridge(options, self.exchange)

    def run(self) -> bool:
        """Work until :meth:`end`; False: the central system refused the box and ``boot.on_rejected`` is exit."""
        self._set_boot_state(BootState.START)
        if self._controller_answers():
            self._set_boot_state(BootState.CONTROLLER_ANSWERED)
            self.station.start()
            self._intake.resume()
            with self.station.lock:
                self._arm_meter()
            while not self._ended:
                self._turn()
                time.sleep(self.options.bridge.poll_interval)
        return not self._refused

    def end(self) -> None:
        """Let :meth:`run` return; may be called from any thread and from a signal handler."""
        self._ended = True

    def close(self) -> None:
        """Switch the box off. What was not delivered stays in the store."""
        self.station.stop()
        self._bridge.close()
        self._listener.close()
        self._schedule.close()

    def __enter__(self) -> ChargeBox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _now(self) -> datetime:
        return self.station.now()

    def _station(self, storage: Storage) -> BoxStation:
        options = self.options
        sender = central_system_sender(
            options.central_url,
            options.version,
            options.identity,
            from_url=lambda: self._listener.url(options.identity, options.version, options.central_url),
            timeout=options.timeout,
            ca_file=options.ca_file,
        )
        made = StationOptions(
            vendor=options.vendor,
            model=options.model,
            serial_number=options.serial_number,
            firmware_version=options.firmware_version,
            connectors=options.connectors,
            configuration={"MeterValueSampleInterval": "0", **options.configuration},
            boot_seconds=options.reset_seconds,
            transfers=Transfers(ca_file=options.ca_file or None),
            meter=lambda connector_id: StoredMeter(self.exchange, connector_id),
        )
        return BoxStation(
            self.exchange,
            options.identity,
            options.version,
            sender,
            self._schedule,
            made,
            storage=storage,
            observer=self._observe,
        )

    def _controller_answers(self) -> bool:
        told = ""
        while not self._ended:
            try:
                if self._bridge.answers():
                    return True
            except Exception as error:
                if str(error) != told:
                    told = str(error)
                    _log.warning("controller does not answer", reason=told)
            time.sleep(self.options.bridge.poll_interval)
        return False

    def _turn(self) -> None:
        for name, step in (("bridge", self._bridge.poll), ("intake", self._intake.take)):
            try:
                step()
            except Exception as error:
                if repr(error) != self._failing.get(name):
                    self._failing[name] = repr(error)
                    _log.exception("a turn of the main loop failed, as will others for this reason", part=name)
            else:
                if self._failing.pop(name, None):
                    _log.warning("the main loop goes on", part=name)

    def _arm_meter(self) -> None:
        if self._meter_timer is not None:
            self._meter_timer.cancel()
        if self.options.meter_interval:
            self._await_meter(next_boundary(self.station.now(), self.options.meter_interval))

    def _await_meter(self, boundary: datetime) -> None:
        self._meter_timer = self.station.at(boundary, lambda: self._meter_due(boundary))

    def _meter_due(self, boundary: datetime) -> None:
        following = max(boundary + timedelta(seconds=self.options.meter_interval), self.station.now())
        self._await_meter(next_boundary(following - timedelta(microseconds=1), self.options.meter_interval))
        for connector in self.station.connectors.values():
            if connector.transaction is not None:
                self.station.metering.take_clock_sample(connector, boundary)

    def _observe(self, _station: Station, name: str, subject: Any) -> None:
        if name == "delivered":
            self._intake.delivered(*subject)
        elif name == "given_up":
            self._intake.given_up(*subject)
        elif name == "clock_set":
            self._arm_meter()
        elif name == "accepted":
            self._set_boot_state(BootState.ACCEPTED)
        elif name == "exchange" and isinstance(subject.request, BootNotificationRequest):
            self._boot_answered(subject)

    def _boot_answered(self, exchange: MessageExchange) -> None:
        if exchange.response is None:
            self._set_boot_state(BootState.BOOT_SENT, reason=str(exchange.error))
        elif exchange.response.status != RegistrationStatus.ACCEPTED:
            self._set_boot_state(BootState.REFUSED, reason=f"answered {exchange.response.status}")
            if self.options.boot.on_rejected == "exit":
                self._refused = True
                self.end()

    def _set_boot_state(self, state: BootState, reason: str = "") -> None:
        changes = {"boot_state": int(state), "reason": reason, "changed": datetime.now(timezone.utc)}
        with self.station.lock:
            self.station.keeping.write(
                CHARGE_BOX.name, lambda: self.exchange.update(CHARGE_BOX, self.options.identity, **changes)
            )
