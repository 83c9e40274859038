"""``make bench-api``: what 20,000 reads of the REST API in a minute do to the answers that charge points get.

The same SOAP load runs alternately alone and beside the reads; the goal is that its p99 grows by a quarter at most.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks import report  # noqa: E402
from benchmarks.run import CONNECTIONS, Load, started  # noqa: E402
from benchmarks.servers import Server, ours, wrk  # noqa: E402

READS_PER_MINUTE = 20_000
READERS = 8
USUAL_LATENCY = 10.0
MOST_GROWTH = 1.25
ACTIONS = ("Heartbeat", "StatusNotification", "MeterValues")


class Reads:
    """About 20,000 reads a minute of one server, from :data:`READERS` connections, as long as it is entered.

    Each connection pauses before a read, so there are more of them where reads take less than :data:`USUAL_LATENCY` ms.
    """

    def __init__(self, server: Server, token: str, seconds: float) -> None:
        pause = READERS * 60_000 / READS_PER_MINUTE
        script = str(ROOT / "benchmarks/api_reads.lua")
        self._command = [wrk(), "-t1", f"-c{READERS}", f"-d{seconds + 1:g}s", "-s", script]
        self._command += [f"http://127.0.0.1:{server.port}", "--", token, f"{pause - USUAL_LATENCY:.0f}"]
        self.per_minute = 0.0
        self.p99 = 0.0
        self.errors = 0

    def __enter__(self) -> Reads:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)  # noqa: S603
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


def compare(load: Load, server: Server, token: str, action: str, *, rounds: int, pause: int) -> None:
    """Print the p99 of an action alone and beside the reads, medians of rounds that take turns."""
    alone, beside, reads = [], [], []
    for _ in range(rounds):
        alone.append(load.run(server, action, pause=pause))
        with Reads(server, token, load.seconds) as reading:
            beside.append(load.run(server, action, pause=pause))
        reads.append(reading)
    before, after = (median(figures.p99 for figures in runs) for runs in (alone, beside))
    rate = median(figures.rate for figures in beside)
    print(
        f"\n{action}, {'full' if not pause else 'half'} load: {rate:.0f}/s beside "
        f"{median(reading.per_minute for reading in reads):.0f} reads/min "
        f"(their p99 {median(reading.p99 for reading in reads):.1f} ms, errors {sum(r.errors for r in reads)}); "
        f"p99 {before:.1f} ms alone, {after:.1f} ms beside them"
    )
    report.goal(f"{action}, growth of p99", after / before, MOST_GROWTH, at_most=True)


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
            for action in (*options.actions, "StartStop"):
                load.run(server, action, seconds=1)
            for action in options.actions:
                full = load.run(server, action)
                half = max(1, round(CONNECTIONS / (full.rate / 2) * 1000 - full.p50 / 2))
                compare(load, server, token, action, rounds=options.rounds, pause=0)
                compare(load, server, token, action, rounds=options.rounds, pause=half)


if __name__ == "__main__":
    main()
