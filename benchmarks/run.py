"""``make bench``: every system under the same load, alternating, as a table of ratios to the ceiling.

The absolute figures say little about another machine; the ratios, taken in one run, are the result.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TextIO

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "storage"), str(ROOT / "tests" / "shared")]

from benchmarks import report, start_up  # noqa: E402
from benchmarks.bare_store import pairs_per_second  # noqa: E402
from benchmarks.report import CEILING, DURABLE, FILE, LOGGED, MONGODB, SPYNE, Figures, Results  # noqa: E402
from benchmarks.servers import Server, ours, plain, wrk  # noqa: E402

ACTIONS = ("Heartbeat", "Authorize", "StatusNotification", "MeterValues", "StartStop")
SYSTEMS = ("spyne", "file", "mongodb", "mongodb-log")
CONNECTIONS = 16
WARM_UP = 5
"""Seconds of load before anything is measured, in which the stations register themselves."""


class Load:
    """Runs wrk; no two runs send the same message."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.program = wrk()
        self.minute = 0

    def run(self, server: Server, action: str, *, seconds: int = 0, pause: int = 0) -> Figures:
        """Load ``server`` with one action; ``pause``: ms that each connection waits before a request, on average."""
        self.minute += 100_000
        cpu = server.cpu_seconds()
        command = [self.program, "-t2", f"-c{CONNECTIONS}", f"-d{seconds or self.seconds}s"]
        command += ["-s", str(ROOT / "benchmarks/load.lua"), server.url, "--", action, str(self.minute), str(pause)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        line = next(line for line in output.splitlines() if line.startswith("RESULT "))
        requests, took, p50, p99, errors = map(int, line.split()[1:])
        return Figures(
            rate=requests / took * 1e6,
            p50=p50 / 1e3,
            p99=p99 / 1e3,
            cpu=(server.cpu_seconds() - cpu) / max(requests, 1) * 1e6,
            rss=server.rss() / 2**20,
            errors=errors,
        )


@contextmanager
def started(server: Server, log: Path) -> Iterator[Server]:
    """The server, running."""
    server.start(log)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def mongodb(folder: Path) -> Iterator[tuple[str, int] | None]:
    """A mongod of our own as a replica set of one, as (URL, process id); None if there is no mongod.

    Its memory is what mongod takes by itself.
    """
    try:
        from storage_servers import MongoServer, mongod  # noqa: PLC0415 - needs the extra [mongodb]
    except ImportError:
        yield None
        return
    if mongod() is None:
        yield None
        return
    server = MongoServer(folder, replica_set=True, options=())
    try:
        yield server.url("bench"), server._process.pid
    finally:
        server.stop()


def systems(stack: ExitStack, folder: Path, names: list[str], actions: list[str]) -> list[Server]:
    """The servers to compare, started."""
    servers = [plain(CEILING, "benchmarks.ceiling")]
    if "file" in names and "StartStop" in actions:
        threads = ("--blocking-threads", str(CONNECTIONS))
        servers.append(plain(DURABLE, "benchmarks.durable_ceiling", *threads, STORE=str(folder / "durable.sqlite")))
    if "spyne" in names:
        servers.append(plain(SPYNE, "benchmarks.stock_spyne"))
    if "file" in names:
        servers.append(ours(FILE, folder, {}))
    if {"mongodb", "mongodb-log"} & set(names):
        found = stack.enter_context(mongodb(folder / "mongodb"))
        if found is None:
            print("MongoDB is left out: there is no mongod here.")
        else:
            servers += _on_mongodb(folder, names, *found)
    return [stack.enter_context(started(server, folder / "servers.log")) for server in servers]


def _on_mongodb(folder: Path, names: list[str], url: str, pid: int) -> Iterator[Server]:
    """Those that use the mongod, each with a database of its own."""
    storage = {"backend": "mongodb", "mongodb__url": url}
    if "mongodb" in names:
        yield ours(MONGODB, folder, storage, (pid,))
    if "mongodb-log" in names:
        logged = {"mongodb__url": url.replace("/bench", "/logged"), "mongodb__telemetry_log": str(folder / "log")}
        yield ours(LOGGED, folder, storage | logged, (pid,))


def measure(
    load: Load, servers: list[Server], actions: list[str], rounds: int, bare_store: Callable[[], None]
) -> Results:
    """Medians by action and server, of rounds in which the servers take turns, and the bare store with Start+Stop."""
    results: Results = {}
    for server in servers:
        load.run(server, "Heartbeat", seconds=WARM_UP)
    for action in actions:
        runs = defaultdict(list)
        compared = [server for server in servers if server.name != DURABLE or action == "StartStop"]
        for server in compared:
            load.run(server, action, seconds=1)
        for _ in range(rounds):
            for server in compared:
                runs[server.name].append(load.run(server, action))
            if action == "StartStop" and FILE in runs:
                bare_store()
        results[action] = {name: report.middle(figures) for name, figures in runs.items()}
        report.show(action, results[action])
    return results


def half_load(load: Load, servers: list[Server], results: Results, rounds: int) -> None:
    """Print p99 at about half of the maximum rate, which pauses on each connection make: medians, in turn as well."""
    print("\np99 at about half of the maximum rate:")
    stores = [server for server in servers if server.name in (FILE, MONGODB, LOGGED)]
    for action, by_server in results.items():
        runs = defaultdict(list)
        for _ in range(rounds):
            for server in stores:
                full = by_server[server.name]
                pause = max(1, round(CONNECTIONS / (full.rate / 2) * 1000 - full.p50 / 2))
                runs[server.name].append(load.run(server, action, pause=pause))
        for name, figures in runs.items():
            half = report.middle(figures)
            what = f"{action}, {name}, {half.rate:.0f}/s ({half.rate / by_server[name].rate:.0%})"
            report.goal(what, half.p99, report.LONGEST_P99, " ms", at_most=True)


def to_bare_store(bare: list[float], results: Results) -> None:
    """Print how Start+Stop compares to the same durable commits without anything around them, and to what could."""
    pairs, durable = (results["StartStop"][name].rate / 2 for name in (FILE, DURABLE))
    most = median(bare)
    print(f"\nStart+Stop, {FILE}: {pairs:.0f} pairs/s; the bare store from {CONNECTIONS} writers: {most:.0f} pairs/s")
    report.goal("Start+Stop to the bare store", pairs / most, report.LEAST_OF_BARE_STORE)
    print(f"         the ceiling with the bare store behind it, which no server can exceed: {durable:.0f} pairs/s,")
    print(f"         {durable / most:.3g} of the bare store; this system is {pairs / durable:.3g} of that")


class _Both(io.TextIOBase):
    """What is written to it goes to the terminal and to a file."""

    def __init__(self, file: TextIO) -> None:
        self._outputs = (sys.stdout, file)

    def write(self, text: str) -> int:
        for output in self._outputs:
            output.write(text)
            output.flush()
        return len(text)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each system, of which the median counts")
    parser.add_argument("--actions", nargs="+", choices=ACTIONS, default=list(ACTIONS))
    parser.add_argument("--systems", nargs="*", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--folder", type=Path, default=ROOT / ".run", help="where the stores are: on a disk, for truth")
    parser.add_argument("--save", type=Path, help="write what is printed to this file as well")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if options.save:
            stack.enter_context(redirect_stdout(_Both(stack.enter_context(options.save.open("w", encoding="utf-8")))))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-")))
        load = Load(options.seconds)
        bare: list[float] = []

        def bare_store() -> None:
            bare.append(pairs_per_second(folder / f"bare-{len(bare)}.sqlite", CONNECTIONS, options.seconds))

        with ExitStack() as running:
            servers = systems(running, folder, options.systems, options.actions)
            results = measure(load, servers, options.actions, options.rounds, bare_store)
            half_load(load, servers, results, options.rounds)
        report.goals(results)
        if bare:
            to_bare_store(bare, results)
        start_up.measure(folder)
    if options.json:
        figures = {action: {name: asdict(one) for name, one in rows.items()} for action, rows in results.items()}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
