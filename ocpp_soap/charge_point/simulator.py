"""``ocpp-soap simulate``: any number of stations in one process, called back at one address.

The scenario ``idle`` waits for the central system: a driver plugs in when it starts a session remotely. In ``charge``
each station boots, authorises a tag, charges on connector 1 with at least three meter values, and stops before the
end; what an interrupted network held back has then :data:`DELIVERY_TIME` to be delivered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ocpp_soap.charge_point.driver import ChargingPlan, Driver
from ocpp_soap.charge_point.listener import Listener, Stations
from ocpp_soap.charge_point.outbox import Backoff
from ocpp_soap.charge_point.scheduler import Scheduler
from ocpp_soap.charge_point.sender import central_system_sender
from ocpp_soap.charge_point.station import Station, StationOptions
from ocpp_soap.config import Settings
from ocpp_soap.dispatch import load_handlers
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Role, Version
from ocpp_soap.paths import bundled
from ocpp_soap.soap.settings import server_settings

DELIVERY_TIME = 30.0
"""Seconds after the end in which queued messages may still be delivered."""

SHORTEST_CHARGE = 10.0
_RETRIES = Backoff(first=0.5, longest=4.0)
_WORKERS = 12


@dataclass(frozen=True)
class SimulationOptions:
    """What is simulated. ``listen_port`` 0: a free one. ``duration`` in seconds, None: until interrupted."""

    central_url: str
    version: Version = Version.V15
    identity: str = "CP001"
    count: int = 1
    connectors: int = 2
    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    scenario: str = "idle"
    id_tag: str = "TAG1"
    duration: float | None = None


@dataclass
class Summary:
    """What came of a simulation. ``ok``: every station was accepted and every session delivered, with all its messages.

    ``messages`` were answered, ``errors`` counts exchanges that failed (most of them were repeated), ``waiting`` what
    was never delivered. ``problems`` has a line for each station that is not ok.
    """

    ok: bool = False
    stations: int = 0
    accepted: int = 0
    sessions: int = 0
    delivered: int = 0
    messages: int = 0
    errors: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)


class Simulation:
    """Stations, their drivers and the listener they share. Use as a context manager."""

    def __init__(self, options: SimulationOptions, settings: Settings) -> None:
        _check(options)
        self._options = options
        self._lock = threading.Lock()
        self._messages = self._errors = 0
        handlers = load_handlers(Role.CHARGE_POINT, [*settings.handlers.paths, bundled("handlers")])
        stations = Stations(handlers)
        self._listener = Listener(
            stations, server_settings(settings, Role.CHARGE_POINT), options.listen_host, options.listen_port
        )
        self._schedule = Scheduler(min(_WORKERS, options.count * 2))
        self.drivers: dict[str, Driver] = {}
        for identity in identities(options.identity, options.count):
            station = self._station(identity, settings.charge_point.timeout)
            self.drivers[identity] = Driver(station, self._plan())
            stations.add(station)

    def run(self, ended: threading.Event) -> None:
        """Let the drivers arrive, wait for the end of the duration or for ``ended``, and deliver what is left."""
        for driver in self.drivers.values():
            driver.arrive()
        ended.wait(self._options.duration)
        for driver in self.drivers.values():
            driver.leave()

    def deliver(self) -> None:
        """Wait until nothing is queued any more, at most for :data:`DELIVERY_TIME`."""
        patience_ends = time.monotonic() + DELIVERY_TIME
        while time.monotonic() < patience_ends and any(self._open(driver) for driver in self.drivers.values()):
            time.sleep(0.05)

    def summary(self) -> Summary:
        """What came of it so far."""
        summary = Summary(stations=len(self.drivers), messages=self._messages, errors=self._errors)
        for identity, driver in self.drivers.items():
            station = driver.station
            summary.accepted += station.registration.accepted
            summary.sessions += driver.sessions
            summary.delivered += driver.delivered
            summary.waiting += station.outbox.waiting
            problem = self._problem(driver)
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

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _station(self, identity: str, timeout: float) -> Station:
        options = self._options
        sender = central_system_sender(
            options.central_url,
            options.version,
            identity,
            from_url=self._listener.url(identity, options.version, options.central_url),
            timeout=min(timeout, max(options.duration / 5, 2.0)) if options.duration else timeout,
        )
        configuration = {"MeterValueSampleInterval": str(sample_interval(options.duration))}
        if options.scenario == "charge":
            configuration |= {"AllowOfflineTxForUnknownId": "true", "StopTransactionOnConcurrentTx": "false"}
        made = StationOptions(connectors=options.connectors, configuration=configuration, backoff=_RETRIES)
        return Station(identity, options.version, sender, self._schedule, made, observer=self._observe)

    def _plan(self) -> ChargingPlan | None:
        if self._options.scenario != "charge":
            return None
        return ChargingPlan(self._options.id_tag, *charging_times(self._options.duration))

    def _observe(self, station: Station, name: str, subject: Any) -> None:
        if name == "exchange":
            with self._lock:
                self._messages += subject[2] is None
                self._errors += subject[2] is not None
        self.drivers[station.charge_box_identity].observe(name, subject)

    @staticmethod
    def _open(driver: Driver) -> bool:
        station = driver.station
        running = any(connector.transaction for connector in station.connectors.values())
        return not station.registration.accepted or running or station.outbox.waiting > 0

    @staticmethod
    def _problem(driver: Driver) -> str:
        station = driver.station
        if not station.registration.accepted:
            return f"the boot was not accepted ({station.registration.status or 'no answer'})"
        if not driver.done:
            return driver.problem or "the session was not delivered"
        return f"{station.outbox.waiting} messages were not delivered" if station.outbox.waiting else ""


def run_simulation(
    options: SimulationOptions, settings: Settings, *, report: Callable[[str], None] = lambda _line: None
) -> Summary:
    """Simulate until the duration is over or a KeyboardInterrupt comes, which ends sessions in order.

    Raises ConfigurationError for options that cannot be simulated.
    """
    ended = threading.Event()
    with Simulation(options, settings) as simulation:
        first = next(iter(simulation.drivers.values())).station
        others = f" and {options.count - 1} more" if options.count > 1 else ""
        report(f"{first.charge_box_identity}{others} (OCPP {options.version}) calls {options.central_url}")
        try:
            simulation.run(ended)
        except KeyboardInterrupt:
            report("ending: delivering what is queued")
            for driver in simulation.drivers.values():
                driver.leave()
        try:
            simulation.deliver()
        except KeyboardInterrupt:
            report("ended before everything was delivered")
        return simulation.summary()


def identities(first: str, count: int) -> list[str]:
    """``CP001``, 3 → CP001, CP002, CP003; one without a number gets one from the second on."""
    stem = first.rstrip("0123456789")
    number = first[len(stem) :]
    start, width = int(number or "1"), len(number)
    return [first, *(f"{stem}{n:0{width}d}" for n in range(start + 1, start + count))]


def charging_times(duration: float | None) -> tuple[float, float | None]:
    """How long a driver waits for the station to be accepted, and when he leaves, both in seconds from the start."""
    if duration is None:
        return 30.0, None
    return min(duration * 0.3, 30.0), duration - min(max(1.5, duration * 0.1), 5.0)


def sample_interval(duration: float | None) -> int:
    """Seconds between meter values: at least three fit into a planned session, and at most 10 s pass between two."""
    patience, end = charging_times(duration)
    return 10 if end is None else max(min(int((end - patience) / 4), 10), 1)


def _check(options: SimulationOptions) -> None:
    if options.scenario not in ("idle", "charge"):
        raise ConfigurationError(f"scenario {options.scenario!r}: expected idle or charge")
    if options.scenario == "charge" and options.duration is not None and options.duration < SHORTEST_CHARGE:
        raise ConfigurationError(
            f"duration {options.duration:g}: a charging session takes {SHORTEST_CHARGE:g} s or more"
        )
    if options.count < 1 or options.connectors < 1:
        raise ConfigurationError("a simulation needs at least one charge point with one connector")
