"""``make crash``: ``kill -9`` of a process of the server and of all of them in turn, 20 times, while stations charge.

The goal: every transaction that was answered is stored exactly once, under the id that was answered. A station that got
no answer sends the same start again, as real ones do. Prints what was seen; exit code 1 if anything is lost or doubled.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks import client  # noqa: E402
from benchmarks.servers import Server, ours  # noqa: E402
from ocpp_soap import config  # noqa: E402
from ocpp_soap.central_system.system import CentralSystem  # noqa: E402

STATIONS = 8
BETWEEN_KILLS = (0.5, 1.5)

Start = tuple[str, int, int]
"""Station, connector and number of a start; the number is its time and meter."""


class Station(threading.Thread):
    """One station that starts a transaction after the other and insists on an answer to each."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(name=name)
        self._connection = client.Connection(server.port)
        self.answered: dict[Start, int] = {}
        self.changed: list[str] = []
        self.repeated = 0
        self.end = threading.Event()

    def run(self) -> None:
        """Send until told to end; the last start is answered too."""
        for number in itertools.count(1):
            if self.end.is_set():
                break
            start = (self.name, number % 2 + 1, number)
            self.answered[start] = self._insist(start)
            if number % 10 == 0 and self._insist(start) != self.answered[start]:
                self.changed.append(f"{start} got two ids")
        self._connection.close()

    def _insist(self, start: Start) -> int:
        while True:
            try:
                status, answer = self._connection.post(client.start(*start))
            except OSError:
                self.repeated += 1
                time.sleep(0.05)
                continue
            if status == 200:
                return client.transaction_id(answer)
            if status != 503:
                raise SystemExit(f"{start} was answered {status}: {answer[:300]!r}")
            self.repeated += 1
            time.sleep(0.1)


def kill_one(server: Server) -> None:
    """Kill one of the processes that ``serve`` has started."""
    assert server.process is not None  # noqa: S101
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    if children:
        os.kill(int(random.choice(children)), signal.SIGKILL)  # noqa: S311


def kill_everything(server: Server, log: Path) -> None:
    """Kill ``serve`` with its workers and start it again on the same port and store."""
    assert server.process is not None  # noqa: S101
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    server.start(log)


def compare(answered: dict[Start, int], settings: config.Settings) -> list[str]:
    """What is lost or doubled, one line each."""
    stored: dict[Start, list[int]] = {}
    with CentralSystem.open(settings) as system:
        after = None
        while True:
            page = system.transactions.list(limit=1000, after=after)
            for transaction in page.items:
                start = (transaction.charge_box_identity, transaction.connector_id or 0, transaction.meter_start or 0)
                stored.setdefault(start, []).append(transaction.transaction_id or 0)
            after = page.next
            if after is None:
                break
    found = [f"{start} was answered {answered[start]} and is not stored" for start in answered.keys() - stored.keys()]
    found += [
        f"{start} was answered {answered.get(start)} and is stored as {ids}"
        for start, ids in stored.items()
        if ids != [answered.get(start)]
    ]
    every_id = [ids for of_start in stored.values() for ids in of_start]
    if len(set(every_id)) != len(every_id):
        found.append("an id is stored twice")
    return found


def crash(times: int) -> int:
    """Kill that often under load, then compare; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        server = ours("crash", Path(folder), {})
        log = Path(folder) / "log"
        server.start(log)
        stations = [Station(server, f"CRASH{number}") for number in range(STATIONS)]
        for station in stations:
            station.start()
        try:
            for time_ in range(times):
                time.sleep(random.uniform(*BETWEEN_KILLS))  # noqa: S311
                if time_ % 2:
                    kill_everything(server, log)
                else:
                    kill_one(server)
            time.sleep(1)
        finally:
            for station in stations:
                station.end.set()
            for station in stations:
                station.join(60)
            server.stop()
        answered = {start: id_ for station in stations for start, id_ in station.answered.items()}
        found = [line for station in stations for line in station.changed]
        found += compare(answered, config.load(None, {"OCPP_SOAP__STORAGE__FILE__PATH": f"{folder}/bench.sqlite"}))
        with sqlite3.connect(f"{folder}/bench.sqlite") as database:
            found += [f"SQLite: {line}" for (line,) in database.execute("PRAGMA integrity_check") if line != "ok"]
    print(f"killed          {times} times: one process of the server and all of them in turn")
    print(f"starts          {len(answered)} answered, {sum(station.repeated for station in stations)} sent again")
    print(f"lost or doubled {len(found)}")
    for line in found[:10]:
        print(f"  {line}")
    print(f"goal            every answered transaction is stored once: {'MISSED' if found else 'met'}")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="crash", description="Kill the server under load and look what is stored.")
    parser.add_argument("--times", type=int, default=20, help="how often  [default: 20]")
    sys.exit(crash(parser.parse_args().times))
