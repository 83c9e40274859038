"""``make bench-million``: a million registered stations on two workers, for five minutes.

Each station sends a Heartbeat every 300 s and a StatusNotification every hour; the load comes from random identities.
Prints what was measured beside its goal; the exit code is 1 if a goal is missed. The filled store is kept in
``.run/bench`` for the next time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.population import add_stations, identity  # noqa: E402
from benchmarks.servers import Server, ours, wrk  # noqa: E402
from ocpp_soap import config  # noqa: E402
from ocpp_soap.central_system import CentralSystem  # noqa: E402
from ocpp_soap.central_system.collections import CONTACTS, STATIONS  # noqa: E402
from ocpp_soap.storage.file import FileStorage  # noqa: E402

CONNECTIONS = 256
HEARTBEAT_EVERY, STATUS_EVERY = 300, 3600
HEARTBEAT = (
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header>'
    "<c:chargeBoxIdentity>{}</c:chargeBoxIdentity></S:Header><S:Body><c:heartbeatRequest/></S:Body></S:Envelope>"
)


@dataclass(frozen=True)
class Goal:
    """Something measured, and what it should be."""

    name: str
    measured: str
    goal: str
    is_met: bool


def under(name: str, value: float, limit: float, unit: str) -> Goal:
    """A goal of staying below a limit."""
    return Goal(name, f"{value:.1f} {unit}", f"< {limit:g} {unit}", value < limit)


class Watch:
    """Looks at the server every few seconds: its memory, and how stale the stored last_seen of a station is."""

    def __init__(self, server: Server, store: FileStorage) -> None:
        self.rss = 0.0
        self.staleness = 0.0
        self._server = server
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        number = 0
        while not self._stop.wait(2):
            number += 1
            self.rss = max(self.rss, self._server.rss() / 2**20)
            with suppress(OSError):
                self.staleness = max(self.staleness, self._probe(identity(number)))

    def _probe(self, name: str) -> float:
        sent = datetime.now(timezone.utc)
        headers = {"Content-Type": "application/soap+xml"}
        request = urllib.request.Request(self._server.url, HEARTBEAT.format(name).encode(), headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
        answered = time.monotonic()
        while not self._stop.is_set():
            stored = self._store.get(CONTACTS, name)
            if stored is not None and stored.document["last_seen"] >= sent:
                break
            time.sleep(0.05)
        return time.monotonic() - answered


def timed(work: Callable[[], Any]) -> float:
    """Seconds that ``work`` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> int:
    """Measure, print, and tell by the exit code whether every goal was met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stations", type=int, default=1_000_000)
    options.add_argument("--seconds", type=int, default=300)
    chosen = options.parse_args()
    folder = ROOT / ".run" / "bench" / f"stations-{chosen.stations}"
    folder.mkdir(parents=True, exist_ok=True)
    store = FileStorage(folder / "bench.sqlite")
    if store.count(STATIONS) < chosen.stations:
        print(f"Filling {store.path} …", file=sys.stderr)
        add_stations(store, 0, chosen.stations)
        os.sync()  # what filling has left to be written is not the server's
    server = ours("this, file", folder, {})
    try:
        goals = [under("start-up to the first answer", timed(lambda: server.start(folder / "server.log")), 5, "s")]
        goals += measure(server, store, chosen.stations, chosen.seconds)
    finally:
        server.stop()
        store.close()
    for goal in goals:
        print(f"{goal.name:44} {goal.measured:>18}  {goal.goal:>16}  {'met' if goal.is_met else 'MISSED'}")
    return 0 if all(goal.is_met for goal in goals) else 1


def measure(server: Server, store: FileStorage, stations: int, seconds: int) -> list[Goal]:
    """The figures under load."""
    rate = stations / HEARTBEAT_EVERY + stations / STATUS_EVERY
    share = (stations / STATUS_EVERY) / rate
    pause = max(0, int(CONNECTIONS / (rate * 1.05) * 1000) - 2)
    command = [wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(ROOT / "benchmarks" / "million.lua")]
    command += [server.url, "--", str(stations), f"{share:.5f}", str(pause), str(time.time_ns() % 2**31)]
    settings = config.load(None, {"OCPP_SOAP__STORAGE__FILE__PATH": str(store.path)})
    with Watch(server, store) as watch, CentralSystem.open(settings) as system:
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        time.sleep(seconds / 2)
        listing = timed(lambda: system.stations.list(limit=100))
        search = timed(lambda: system.stations.list(vendor="Vendor 7", registration="accepted", limit=100))
        output, _ = load.communicate()
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    requests, took, p50, p99, errors = map(int, line.split()[1:])
    achieved = requests / took * 1e6
    return [
        Goal("messages per second", f"{achieved:,.0f}", f">= {rate:,.0f}", achieved >= rate),
        Goal("errors", str(errors), "0", errors == 0),
        Goal("p50", f"{p50 / 1e3:.1f} ms", "", True),
        under("p99", p99 / 1e3, 50, "ms"),
        under("RSS of all processes together", watch.rss, 600, "MiB"),
        under("last_seen staler than the answer by at most", watch.staleness, 10, "s"),
        under("list of 100 stations", listing, 1, "s"),
        under("search by vendor and registration", search, 1, "s"),
    ]


if __name__ == "__main__":
    sys.exit(main())
