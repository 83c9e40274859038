"""Any number of simulated stations in one process, called back at one address."""

from __future__ import annotations

import threading
import time
from typing import Any

from ocpp_soap.charge_point.driver import ChargingPlan, Driver
from ocpp_soap.charge_point.faults import FaultyLine
from ocpp_soap.charge_point.listener import Listener, Stations
from ocpp_soap.charge_point.options import StationOptions
from ocpp_soap.charge_point.queueing import Backoff
from ocpp_soap.charge_point.quirks import Profile, profile
from ocpp_soap.charge_point.quirky_answers import QuirkyAnswers
from ocpp_soap.charge_point.quirky_line import QuirkyLine
from ocpp_soap.charge_point.scheduler import LONGEST_WAIT, Scheduler
from ocpp_soap.charge_point.sender import Sender, central_system_sender
from ocpp_soap.charge_point.simulation import (
    SimulationOptions,
    Statistics,
    Summary,
    charging_times,
    identities,
    memory,
    sample_interval,
)
from ocpp_soap.charge_point.station import Station
from ocpp_soap.charge_point.transfer import Transfers
from ocpp_soap.config import Settings
from ocpp_soap.dispatch import load_handlers
from ocpp_soap.messages import Role
from ocpp_soap.paths import bundled
from ocpp_soap.soap.settings import server_settings
from ocpp_soap.storage.base import Storage

DELIVERY_TIME = 30.0
"""Seconds after the end in which queued messages may still be delivered."""

_RETRIES = Backoff(first=0.5, longest=4.0, longest_asked=DELIVERY_TIME / 3)
_WORKERS, _WORKERS_WITH_DELAYS = 12, 100


class Simulation:
    """Stations, their drivers and the listener they share. Use as a context manager."""

    reacts = True

    def __init__(self, options: SimulationOptions, settings: Settings) -> None:
        options.check()
        self.options = options
        self.statistics = Statistics()
        self._profile = profile(options.quirks)
        self._timeout = settings.charge_point.timeout
        if options.duration:
            self._timeout = min(self._timeout, max(options.duration / 5, 2.0))
        self._storage = _open(options)
        stations = Stations(load_handlers(Role.CHARGE_POINT, [*settings.handlers.paths, bundled("handlers")]))
        changed = self._profile != Profile() or options.injection.html
        self._listener = Listener(
            stations,
            server_settings(settings, Role.CHARGE_POINT),
            options.listen_host,
            options.listen_port,
            around=(lambda app: QuirkyAnswers(app, self._profile, options.injection)) if changed else None,
        )
        workers = _WORKERS_WITH_DELAYS if options.injection.delay else _WORKERS
        self._schedule = Scheduler(min(workers, options.count * 2))
        self.drivers: dict[str, Driver] = {}
        central_system_sender(options.central_url, options.version, options.identity)
        self._memory_without_stations = memory()
        for identity in identities(options.identity, options.count):
            station = self._station(identity)
            self.drivers[identity] = Driver(station, self._plan(), reacts=self.reacts)
        for driver in self.drivers.values():
            stations.add(driver.station)

    def run(self, ended: threading.Event) -> None:
        """Let the drivers arrive, wait for the end of the duration or for ``ended``, and let them leave."""
        began = time.monotonic()
        for number, driver in enumerate(self.drivers.values()):
            self._schedule.after(number * self.options.ramp / self.options.count, driver.arrive)
        left = None if self.options.duration is None else began + self.options.duration - time.monotonic()
        ended.wait(None if left is None else min(left, LONGEST_WAIT))
        self.leave()

    def leave(self) -> None:
        """End all sessions."""
        for driver in self.drivers.values():
            driver.leave()

    def deliver(self) -> None:
        """Wait until nothing is queued any more, at most for :data:`DELIVERY_TIME`."""
        patience_ends = time.monotonic() + DELIVERY_TIME
        while time.monotonic() < patience_ends and any(
            self._is_busy(driver.station) for driver in self.drivers.values()
        ):
            time.sleep(0.05)

    def summary(self) -> Summary:
        """What came of it so far."""
        grown = memory() - self._memory_without_stations
        summary = Summary(stations=len(self.drivers), memory_per_station=round(grown / len(self.drivers), 1))
        self.statistics.write(summary)
        for identity, driver in self.drivers.items():
            station = driver.station
            summary.accepted += station.registration.accepted
            summary.sessions += driver.sessions
            summary.delivered += driver.delivered
            summary.waiting += station.outbox.waiting
            problem = _problem(driver)
            if problem:
                summary.problems.append(f"{identity}: {problem}")
        summary.ok = not summary.problems
        return summary

    def close(self) -> None:
        """Switch all stations off."""
        for driver in self.drivers.values():
            driver.station.stop()
        self._listener.close()
        self._schedule.close()
        if self._storage is not None:
            self._storage.close()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _station(self, identity: str) -> Station:
        options = self.options
        configuration = {"MeterValueSampleInterval": str(sample_interval(options.duration))}
        if options.scenario == "charge":
            configuration |= {"AllowOfflineTxForUnknownId": "true", "StopTransactionOnConcurrentTx": "false"}
        made = StationOptions(
            connectors=options.connectors,
            configuration=configuration | options.configuration,
            backoff=_RETRIES,
            constant_heartbeat=options.constant_heartbeat,
            transfers=Transfers(ca_file=options.ca_file or None),
        )
        sender = self._sender(identity)
        return Station(
            identity, options.version, sender, self._schedule, made, storage=self._storage, observer=self._observe
        )

    def _sender(self, identity: str) -> Sender:
        options, injection = self.options, self.options.injection
        url, version = options.central_url, options.version
        from_url = self._listener.url(identity, version, url)
        line: dict[str, Any] = {"from_url": from_url, "timeout": self._timeout, "ca_file": options.ca_file}
        if self._profile == Profile():
            sender = central_system_sender(url, version, identity, **line)
        else:
            sender = QuirkyLine(url, version, identity, self._profile, **line)
        if not injection.any:
            return sender
        half = QuirkyLine(url, version, identity, self._profile, cut=True, **line)
        return FaultyLine(sender, half, injection, identity)

    def _plan(self) -> ChargingPlan | None:
        options = self.options
        if options.scenario != "charge":
            return None
        return ChargingPlan(
            options.id_tag, *charging_times(options.duration - options.ramp if options.duration else None)
        )

    def _is_busy(self, station: Station) -> bool:
        if not station.registration.begun:
            return False
        return not station.registration.accepted or station.has_transaction or station.outbox.waiting > 0

    def _observe(self, station: Station, name: str, subject: Any) -> None:
        if name == "exchange":
            self.statistics.count(subject)
        self.drivers[station.charge_box_identity].observe(name, subject)


def _open(options: SimulationOptions) -> Storage | None:
    if options.store is None:
        return None
    from ocpp_soap.storage.file import FileStorage  # noqa: PLC0415 - only where it is asked for

    return FileStorage(options.store)


def _problem(driver: Driver) -> str:
    station = driver.station
    if not station.registration.begun:
        return "it was not switched on before the end"
    if not station.registration.accepted:
        return f"the boot was not accepted: {station.registration.last_answer}"
    if not driver.done:
        return driver.problem or "the session was not delivered"
    waiting = station.outbox.waiting
    if waiting:
        return "1 message was not delivered" if waiting == 1 else f"{waiting} messages were not delivered"
    return ""
