"""``make soak``: half of the maximum rate for ten minutes, 20 % of it bad input.

The goals: after the warm-up (a fifth of the time) the memory of all server processes stays within 10 MiB, every bad
input gets the answer that ``tests/interop/field/`` says, every good one a 200. Prints what was measured; exit code 1
if a goal is missed.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks import client  # noqa: E402
from benchmarks.servers import Server, ours  # noqa: E402

CONNECTIONS = 16
STATIONS = 1000
BAD_SHARE = 5
ALLOWED_GROWTH = 10 * 2**20
LARGEST_BAD_BODY = 100_000


@dataclass(frozen=True)
class Bad:
    """A bad input: its bytes, its headers, and the status it has to get."""

    name: str
    body: bytes
    headers: tuple[str, ...]
    status: int


@dataclass
class Counts:
    """What one run saw: seconds of each good answer, and the names of what was answered wrongly."""

    good: list[float] = field(default_factory=list)
    bad: int = 0
    wrong: list[str] = field(default_factory=list)


def bad_inputs() -> list[Bad]:
    """Those refused requests of the field fixtures that go to the service URL by POST and are not large."""
    found = []
    for file in sorted((ROOT / "tests/interop/field").glob("refused-*.yaml")):
        fixture = yaml.safe_load(file.read_text("utf-8"))
        request = fixture["request"]
        if {"method", "path", "chunked"} & set(request):
            continue
        text = request.get("envelope", "")
        for marker, filling, times in request.get("fill", []):
            text = text.replace(marker, filling * times)
        body = text.encode(request.get("encoding", "utf-8"))
        headers = tuple(f"{name}: {value}" for name, value in request.get("headers", {}).items())
        if request.get("coding") == "gzip":
            body, headers = gzip.compress(body), (*headers, "Content-Encoding: gzip")
        if len(body) <= LARGEST_BAD_BODY:
            found.append(Bad(file.stem, body, headers, fixture["answer"].get("status", 200)))
    return found


class Load:
    """Stations that send for a time, at a rate or as fast as they can."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._bad = bad_inputs()
        self._numbers = itertools.count(1)

    def run(self, seconds: float, rate: float | None = None) -> Counts:
        """Send for that long, ``rate`` requests a second in all."""
        counts = Counts()
        until = time.monotonic() + seconds
        pause = CONNECTIONS / rate if rate else 0.0
        threads = [
            threading.Thread(target=self._connection, args=(until, pause, pause * place / CONNECTIONS, counts))
            for place in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return counts

    def _connection(self, until: float, pause: float, offset: float, counts: Counts) -> None:
        connection = client.Connection(self._port)
        due = time.monotonic() + offset
        started: tuple[str, int] | None = None
        while (now := time.monotonic()) < until:
            if pause:
                if due > now:
                    time.sleep(due - now)
                due += pause
            number = next(self._numbers)
            if number % BAD_SHARE == 0:
                self._send_bad(connection, self._bad[number // BAD_SHARE % len(self._bad)], counts)
            else:
                started = self._send_good(connection, number, started, counts)
        connection.close()

    @staticmethod
    def _send_bad(connection: client.Connection, bad: Bad, counts: Counts) -> None:
        status, _ = connection.post(bad.body, *bad.headers)
        counts.bad += 1
        if status != bad.status:
            counts.wrong.append(f"{bad.name}: {status}")

    @staticmethod
    def _send_good(
        connection: client.Connection, number: int, started: tuple[str, int] | None, counts: Counts
    ) -> tuple[str, int] | None:
        identity = f"SOAK{number * 7919 % STATIONS:04}"
        kind = number % 11
        if started:
            body = client.stop(*started, number)
        elif kind == 0:
            body = client.start(identity, 1, number)
        elif kind == 1:
            body = client.meter_values(identity, number)
        elif kind in (2, 3):
            body = client.status(identity, number)
        elif kind in (4, 5):
            body = client.envelope(identity, "Authorize", number, "<c:idTag>TAG1</c:idTag>")
        else:
            body = client.envelope(identity, "Heartbeat", number)
        sent = time.perf_counter()
        status, answer = connection.post(body)
        counts.good.append(time.perf_counter() - sent)
        if status != 200:
            counts.wrong.append(f"good request: {status} {answer[:200]!r}")
        elif b"startTransactionResponse" in answer:
            return identity, client.transaction_id(answer)
        return None


class Memory:
    """Samples the resident memory of the server's processes once a second."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._end = threading.Event()
        self.samples: list[int] = []
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more samples."""
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(1):
            self.samples.append(self._server.rss())


def soak(seconds: float) -> int:
    """Find the maximum rate, soak at half of it, say what was seen; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        server = ours("soak", Path(folder), {})
        server.start(Path(folder) / "log")
        try:
            load = Load(server)
            trial = max(3.0, min(10.0, seconds / 10))
            fastest = load.run(trial)
            rate = (len(fastest.good) + fastest.bad) / trial
            print(f"maximum         {rate:.0f} requests/s over {CONNECTIONS} connections", flush=True)
            print(f"soak            {rate / 2:.0f} requests/s for {seconds:.0f} s", flush=True)
            memory = Memory(server)
            counts = load.run(seconds, rate / 2)
            memory.stop()
        finally:
            server.stop()
    return report(counts, memory.samples, fastest.wrong)


def report(counts: Counts, samples: list[int], wrong_before: list[str]) -> int:
    """Print figures and verdicts; 1 if a goal is missed."""
    milliseconds = sorted(1000 * value for value in counts.good)
    p50, p99 = median(milliseconds), quantiles(milliseconds, n=100)[98]
    warm = len(samples) // 5
    settled = median(samples[warm : warm + 10])
    growth = median(samples[-10:]) - settled
    wrong = wrong_before + counts.wrong
    print(f"good requests   {len(counts.good)}, p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {milliseconds[-1]:.0f} ms")
    print(f"bad requests    {counts.bad}")
    print(f"wrong answers   {len(wrong)}")
    for line in wrong[:10]:
        print(f"  {line}")
    print(f"memory          {settled / 2**20:.1f} MiB after the warm-up, {growth / 2**20:+.1f} MiB at the end")
    tenths = [samples[place * (len(samples) - 1) // 10] for place in range(11)]
    print(f"memory, tenths  {' '.join(f'{sample / 2**20:.0f}' for sample in tenths)} MiB")
    goals = {"memory within 10 MiB": growth <= ALLOWED_GROWTH, "every answer right": not wrong}
    for goal, met in goals.items():
        print(f"goal            {goal}: {'met' if met else 'MISSED'}")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="soak", description="Half of the maximum rate with 20 % bad input.")
    parser.add_argument("--seconds", type=float, default=600, help="how long  [default: 600]")
    sys.exit(soak(parser.parse_args().seconds))
