"""``make bench``: every system under the same load, alternating, as a table of ratios to the ceiling.

The absolute figures say little about another machine; the ratios, taken in one run, are the result.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "storage")]

from benchmarks.bare_store import pairs_per_second  # noqa: E402
from benchmarks.servers import Server, ours, plain, wrk  # noqa: E402

ACTIONS = ("Heartbeat", "Authorize", "StatusNotification", "MeterValues", "StartStop")
CONNECTIONS = 16


@dataclass(frozen=True)
class Figures:
    """One run of wrk against one server; times in milliseconds, CPU in µs per request, memory in MiB."""

    rate: float
    p50: float
    p99: float
    cpu: float
    rss: float
    errors: int


class Load:
    """Runs wrk; no two runs send the same message."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.program = wrk()
        self.minute = 0

    def run(self, server: Server, action: str, *, seconds: float | None = None, pause: int = 0) -> Figures:
        """Load ``server`` with one action; ``pause``: ms that each connection waits before a request, on average."""
        self.minute += 100_000
        duration = seconds or self.seconds
        cpu, started = server.cpu_seconds(), time.monotonic()
        command = [self.program, "-t2", f"-c{CONNECTIONS}", f"-d{duration:g}s", "-s", str(ROOT / "benchmarks/load.lua")]
        command += [server.url, "--", action, str(self.minute), str(pause)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        del started
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
    """A mongod of our own as a replica set of one, as (URL, process id); None if there is no mongod."""
    try:
        from storage_servers import MongoServer, mongod  # noqa: PLC0415
    except ImportError:
        yield None
        return
    if mongod() is None:
        yield None
        return
    server = MongoServer(folder, replica_set=True)
    try:
        yield server.url("bench"), server._process.pid
    finally:
        server.stop()


def systems(stack: ExitStack, folder: Path, names: list[str]) -> list[Server]:
    """The servers to compare, started."""
    servers = [plain("ceiling", "benchmarks.ceiling")]
    if "spyne" in names:
        servers.append(plain("stock Spyne", "benchmarks.stock_spyne"))
    if "file" in names:
        servers.append(ours("this, file", folder, {}))
    if "mongodb" in names:
        found = stack.enter_context(mongodb(folder / "mongodb"))
        if found is None:
            print("MongoDB is left out: there is no mongod here.")
        else:
            storage = {"backend": "mongodb", "mongodb__url": found[0]}
            servers.append(ours("this, MongoDB", folder, storage, (found[1],)))
    return [stack.enter_context(started(server, folder / "servers.log")) for server in servers]


def measure(load: Load, servers: list[Server], actions: list[str], rounds: int) -> dict[str, dict[str, Figures]]:
    """Medians by action and server, of rounds in which the servers take turns."""
    results: dict[str, dict[str, Figures]] = {}
    for action in actions:
        runs = defaultdict(list)
        for server in servers:
            load.run(server, action, seconds=1)
        for _ in range(rounds):
            for server in servers:
                runs[server.name].append(load.run(server, action))
        results[action] = {name: _median(figures) for name, figures in runs.items()}
        _print_action(action, results[action])
    return results


def half_load(load: Load, servers: list[Server], results: dict[str, dict[str, Figures]]) -> None:
    """Print p99 at about half of the maximum rate, which pauses on each connection make."""
    print("\nAt about half of the maximum rate:")
    for action, by_server in results.items():
        for server in servers:
            if server.name.startswith("this"):
                full = by_server[server.name]
                pause = max(1, round(CONNECTIONS / (full.rate / 2) * 1000 - full.p50 / 2))
                half = load.run(server, action, pause=pause)
                share = half.rate / full.rate
                print(f"  {action:20} {server.name:14} {half.rate:8.0f}/s ({share:.0%})  p99 {half.p99:6.1f} ms")


def _median(figures: list[Figures]) -> Figures:
    rows = [asdict(one) for one in figures]
    return Figures(**{key: median(row[key] for row in rows) for key in rows[0]})


def _print_action(action: str, by_server: dict[str, Figures]) -> None:
    print(f"\n{action}\n  {'':14} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'CPU µs':>7} {'RSS MiB':>8} {'ratio':>6}")
    ceiling = by_server["ceiling"]
    for name, one in by_server.items():
        errors = f"  {one.errors} errors" if one.errors else ""
        print(
            f"  {name:14} {one.rate:8.0f} {one.p50:7.2f} {one.p99:7.2f} {one.cpu:7.0f} {one.rss:8.0f}"
            f" {one.rate / ceiling.rate:6.2f}{errors}",
            flush=True,
        )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each system, of which the median counts")
    parser.add_argument("--actions", nargs="+", choices=ACTIONS, default=list(ACTIONS))
    parser.add_argument(
        "--systems", nargs="*", choices=("spyne", "file", "mongodb"), default=["spyne", "file", "mongodb"]
    )
    parser.add_argument("--folder", type=Path, help="where the stores are; a disk, not memory, for true figures")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    with ExitStack() as stack:
        (options.folder or ROOT / ".run").mkdir(exist_ok=True)
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder or ROOT / ".run", prefix="bench-"))
        )
        servers = systems(stack, folder, options.systems)
        load = Load(options.seconds)
        results = measure(load, servers, options.actions, options.rounds)
        half_load(load, servers, results)
        extra: dict[str, Any] = {}
        if "StartStop" in results and "file" in options.systems:
            extra["bare_store_pairs"] = pairs_per_second(folder / "bare.sqlite", CONNECTIONS, options.seconds)
            ours_ = results["StartStop"]["this, file"].rate / 2
            print(
                f"\nStart+Stop on the file store: {ours_:.0f} pairs/s; the bare store with as many durable commits from"
                f" {CONNECTIONS} writers: {extra['bare_store_pairs']:.0f} pairs/s; ratio {ours_ / extra['bare_store_pairs']:.2f}"
            )
    if options.json:
        figures = {action: {name: asdict(one) for name, one in rows.items()} for action, rows in results.items()}
        options.json.write_text(json.dumps(figures | extra, indent=1))


if __name__ == "__main__":
    main()
