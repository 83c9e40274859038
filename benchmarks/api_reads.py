"""``make bench-api``: what 20,000 reads of the REST API in a minute do to the answers that charge points get.

The same SOAP load runs alternately alone and beside the reads; the goal is that its p99 grows by a quarter at most.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks import report  # noqa: E402
from benchmarks.run import WARM_UP, Load, started  # noqa: E402
from benchmarks.servers import Server, ours, wrk  # noqa: E402

READS_PER_MINUTE = 20_000
MOST_OFF_PACE = 0.02
READERS = 8
NICENESS = 5
"""The reader's: in life it is on another machine, so that here it must not take from the server what it need not."""
MOST_GROWTH = 1.25
ACTIONS = ("Heartbeat", "StatusNotification", "MeterValues", "StartStop")


class Reads:
    """20,000 reads a minute of one server, from :data:`READERS` connections, as long as it is entered.

    It begins half a second before what runs within and ends half a second after.
    """

    def __init__(self, server: Server, token: str, seconds: float) -> None:
        script = str(ROOT / "benchmarks/api_reads.lua")
        self._command = ["nice", f"-n{NICENESS}", wrk(), "-t1", f"-c{READERS}", f"-d{seconds + 1:g}s", "-s", script]
        self._command += [f"http://127.0.0.1:{server.port}", "--", token, f"{READS_PER_MINUTE / 60:f}"]
        self.per_minute = 0.0
        self.p99 = 0.0
        self.errors = 0

    def __enter__(self) -> Reads:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        output = self._process.communicate()[0]
        line = next(line for line in output.splitlines() if line.startswith("RESULT "))
        requests, took, _p50, p99, self.errors = map(int, line.split()[1:])
        self.per_minute, self.p99 = requests / took * 60e6, p99 / 1e3


def new_key(server: Server) -> str:
    """The token of a key that may read."""
    command = [sys.executable, "-m", "ocpp_soap", "keys", "add", "bench"]
    environment = os.environ | server.environment
    made = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    return made.stdout.strip()


def compare(load: Load, server: Server, token: str, action: str, rounds: int) -> None:
    """Print the p99 of an action at full load alone and beside the reads, medians of rounds that take turns."""
    alone, beside, reads = [], [], []
    for _ in range(rounds):
        alone.append(load.run(server, action))
        with Reads(server, token, load.seconds) as reading:
            beside.append(load.run(server, action))
        reads.append(reading)
    before, after = (report.middle(runs) for runs in (alone, beside))
    paces = [reading.per_minute for reading in reads]
    print(f"\n{action}, full load, beside {' '.join(f'{pace:.0f}' for pace in paces)} reads/min")
    for name, runs, middle in (("alone", alone, before), ("beside", beside, after)):
        rounds_p99 = " ".join(f"{figures.p99:.1f}" for figures in runs)
        print(f"  {name:7} {middle.rate:6.0f}/s  p50 {middle.p50:5.2f} ms  p99 {middle.p99:6.2f} ms ({rounds_p99})")
    errors = sum(figures.errors for figures in (*alone, *beside)) + sum(reading.errors for reading in reads)
    print(f"  reads: p99 {median(reading.p99 for reading in reads):.1f} ms; errors of both {errors}")
    off = max(abs(pace / READS_PER_MINUTE - 1) for pace in paces)
    report.goal(f"{action}, reads off their pace", off, MOST_OFF_PACE, at_most=True)
    report.goal(f"{action}, growth of p99", after.p99 / before.p99, MOST_GROWTH, at_most=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind, of which the median counts")
    parser.add_argument("--actions", nargs="+", choices=ACTIONS, default=list(ACTIONS))
    parser.add_argument("--folder", type=Path, default=ROOT / ".run", help="where the store is: on a disk, for truth")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    load = Load(options.seconds)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-api-") as name:
        folder = Path(name)
        with started(ours("file store", folder, {}), folder / "server.log") as server:
            token = new_key(server)
            load.run(server, "Heartbeat", seconds=WARM_UP)
            for action in ACTIONS:
                with Reads(server, token, 1):
                    load.run(server, action, seconds=1)
            for action in options.actions:
                compare(load, server, token, action, options.rounds)


if __name__ == "__main__":
    main()
