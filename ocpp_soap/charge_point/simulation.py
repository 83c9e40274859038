"""What is simulated, and what came of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from ocpp_soap.charge_point.events import Exchange
from ocpp_soap.charge_point.faults import Injection
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import AuthorizeRequest, Version, limit_of

SHORTEST_CHARGE = 10.0
_LATENCIES = 20_000


@dataclass(frozen=True)
class SimulationOptions:
    """What is simulated.

    ``scenario``: ``idle``, ``charge``, the name of a shipped scenario, or a file. ``listen_port`` 0: a free one.
    ``duration`` in seconds, None: until interrupted. ``ramp``: seconds over which the stations are switched on.
    ``store``: the file that keeps queues and states across a restart. ``quirks`` and ``injection``: how the stations
    misbehave. ``configuration``: keys of every station. ``constant_heartbeat``: also where other messages were sent.
    ``ca_file``: PEM file of the authorities to trust instead of the system's.
    """

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
    ramp: float = 0.0
    store: Path | None = None
    quirks: tuple[str, ...] = ()
    injection: Injection = field(default_factory=Injection)
    configuration: dict[str, str] = field(default_factory=dict)
    constant_heartbeat: bool = False
    ca_file: str = ""

    def check(self) -> None:
        """Raise ConfigurationError for what cannot be simulated."""
        if self.count < 1 or self.connectors < 1:
            raise ConfigurationError("a simulation needs at least one charge point with one connector")
        longest = limit_of(AuthorizeRequest, "id_tag", self.version)
        if len(self.id_tag) > longest:
            raise ConfigurationError(f"tag {self.id_tag}: OCPP {self.version} has tags of at most {longest} characters")
        if self.ramp < 0:
            raise ConfigurationError(f"ramp {self.ramp:g}: expected 0 or more seconds")
        if self.scenario == "charge" and self.duration is not None and self.duration - self.ramp < SHORTEST_CHARGE:
            raise ConfigurationError(
                f"duration {self.duration:g}: a charging session takes {SHORTEST_CHARGE:g} s after a ramp of "
                f"{self.ramp:g} s"
            )


@dataclass
class Summary:
    """What came of a simulation. ``ok``: every station was accepted, every session and message was delivered.

    ``messages`` were answered, ``errors`` counts exchanges that failed (most of them were repeated), ``waiting`` what
    was never delivered. Latencies are in ms, over the last 20,000 answers. ``memory_per_station`` in KB: by what the
    process has grown since before the first one was made, so it tells of fleets only. ``problems`` has a line for each
    station that is not ok.
    """

    ok: bool = False
    stations: int = 0
    accepted: int = 0
    sessions: int = 0
    delivered: int = 0
    messages: int = 0
    errors: int = 0
    waiting: int = 0
    seconds: float = 0.0
    messages_per_second: float = 0.0
    latency_p50: float = 0.0
    latency_p95: float = 0.0
    memory_per_station: float = 0.0
    problems: list[str] = field(default_factory=list)


class Statistics:
    """Counts the exchanges of all stations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._began = time.monotonic()
        self.messages = self.errors = 0

    def count(self, exchange: Exchange) -> None:
        """Add an exchange."""
        with self._lock:
            if exchange.error is None:
                self.messages += 1
                self._latencies.append(exchange.seconds)
            else:
                self.errors += 1

    def write(self, summary: Summary) -> None:
        """Put the numbers into a summary."""
        with self._lock:
            latencies = sorted(self._latencies)
        summary.messages, summary.errors = self.messages, self.errors
        summary.seconds = round(time.monotonic() - self._began, 1)
        summary.messages_per_second = round(self.messages / max(summary.seconds, 0.1), 1)
        summary.latency_p50 = _percentile(latencies, 0.5)
        summary.latency_p95 = _percentile(latencies, 0.95)


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[int((len(ordered) - 1) * share)] * 1000, 1) if ordered else 0.0


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


def memory() -> int:
    """The resident memory of this process in KB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4
