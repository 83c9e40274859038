"""``make bench-growth``: processor time and memory for each message while the store grows to what a large fleet leaves.

A process for each size, with the whole WSGI application on a file store of its own: 10³, 10⁴, 10⁵ and 10⁶ stations,
each with a closed transaction and a status, and 10⁶ with 10⁷ meter values beside them. They are measured in turn, round
by round, since the machine's speed varies; the medians count. In a round each station sends one message of each action,
so that it is in no cache when it comes first. The exit code is 1 if a message with the largest store costs more than
twice what it costs with the smallest.
"""

from __future__ import annotations

import argparse
import io
import itertools
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.population import SAMPLES, VALUES, add_history, add_meter_values, add_stations, identity  # noqa: E402
from benchmarks.servers import usage  # noqa: E402
from ocpp_soap import config, log  # noqa: E402
from ocpp_soap.storage.file import FileStorage  # noqa: E402
from ocpp_soap.web.app import central_system_application  # noqa: E402

Body = Callable[[int, str], str]

MOST = 2.0
SETTLING = 1.2
"""Seconds after the messages of an action in which what they leave to be stored later is still counted."""
ENVELOPE = (
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" '
    'xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header><c:chargeBoxIdentity>{}</c:chargeBoxIdentity><a:Action>/{}</a:Action>'
    "<a:MessageID>urn:bench:{}</a:MessageID><a:From><a:Address>http://198.51.100.7:9221/</a:Address></a:From></S:Header>"
    "<S:Body>{}</S:Body></S:Envelope>"
)
_numbers = itertools.count(1)
_now = datetime.now(timezone.utc)


def _time(number: int) -> str:
    return (_now + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _values(number: int) -> str:
    value = '<c:value measurand="Energy.Active.Import.Register" unit="Wh">1234.5</c:value>' * VALUES
    samples = (f"<c:values><c:timestamp>{_time(number + n)}</c:timestamp>{value}</c:values>" for n in range(SAMPLES))
    return f"<c:meterValuesRequest><c:connectorId>1</c:connectorId>{''.join(samples)}</c:meterValuesRequest>"


BODIES: dict[str, Body] = {
    "Heartbeat": lambda number, _: "<c:heartbeatRequest/>",
    "Authorize": lambda number, _: f"<c:authorizeRequest><c:idTag>TAG{number}</c:idTag></c:authorizeRequest>",
    "StatusNotification": lambda number, _: (
        "<c:statusNotificationRequest><c:connectorId>1</c:connectorId><c:status>Available</c:status>"
        "<c:errorCode>NoError</c:errorCode></c:statusNotificationRequest>"
    ),
    "MeterValues": lambda number, _: _values(number),
    "StartTransaction": lambda number, _: (
        f"<c:startTransactionRequest><c:connectorId>1</c:connectorId><c:idTag>TAG{number}</c:idTag>"
        f"<c:timestamp>{_time(number)}</c:timestamp><c:meterStart>{number}</c:meterStart></c:startTransactionRequest>"
    ),
    "StopTransaction": lambda number, transaction: (
        f"<c:stopTransactionRequest><c:transactionId>{transaction}</c:transactionId>"
        f"<c:timestamp>{_time(number)}</c:timestamp><c:meterStop>{number}</c:meterStop></c:stopTransactionRequest>"
    ),
}


class Bench:
    """Sends messages to the application in this process, whose store knows so many stations."""

    def __init__(self, path: Path, stations: int) -> None:
        self._stations = stations
        settings = config.load(
            None,
            {
                "OCPP_SOAP__STORAGE__FILE__PATH": str(path),
                "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept",
                "OCPP_SOAP__LOG__LEVEL": "warning",
            },
        )
        log.configure(settings.log)
        self.application = central_system_application(settings)

    def row(self, messages: int) -> list[float]:
        """µs of processor time for a message of each action, then the memory that is used now, in MiB."""
        places = [identity(number) for number in random.sample(range(self._stations), messages)]
        figures = []
        answers: list[bytes] = []
        for action in BODIES:
            transactions = [_transaction_id(answer) for answer in answers] if action == "StopTransaction" else None
            cost, answers = self._send(action, places, transactions)
            figures.append(cost)
        return [*figures, usage(os.getpid())[1] / 2**20]

    def _send(self, action: str, places: list[str], transactions: list[str] | None) -> tuple[float, list[bytes]]:
        requests = []
        for place, transaction in zip(places, transactions or itertools.repeat(""), strict=False):
            number = next(_numbers)
            envelope = ENVELOPE.format(place, action, number, BODIES[action](number, transaction))
            requests.append(_environ(envelope.encode()))
        begin = time.process_time()
        answers = [b"".join(self._answer(environ)) for environ in requests]
        time.sleep(SETTLING)
        return (time.process_time() - begin) / len(requests) * 1e6, answers

    def _answer(self, environ: dict[str, Any]) -> Iterable[bytes]:
        def start_response(status: str, *_: Any) -> None:
            if not status.startswith("200"):
                raise SystemExit(f"answered with {status}")

        return self.application(environ, start_response)


def _transaction_id(answer: bytes) -> str:
    return answer.partition(b"transactionId>")[2].partition(b"<")[0].decode()


def _environ(body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/Ocpp/CentralSystemService",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/soap+xml; charset=utf-8",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }


def _fill(path: Path, stations: int, meter_values: int) -> None:
    store = FileStorage(path)
    add_stations(store, 0, stations)
    add_history(store, 0, stations)
    if meter_values:
        add_meter_values(store, meter_values // (SAMPLES * VALUES), stations)
    store.close()


def _measure(orders: Connection, path: Path, stations: int) -> None:
    """Answer each number of messages with a row; a 0 ends it."""
    bench = Bench(path, stations)
    while messages := orders.recv():
        orders.send(bench.row(messages))
    bench.application.close()


def main() -> int:
    """Measure, print, and tell by the exit code whether the cost stayed the same."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stations", type=int, default=1_000_000, help="the largest population")
    options.add_argument("--meter-values", type=int, default=10_000_000)
    options.add_argument(
        "--messages", type=int, default=500, help="of each action at each size in a round, up to 1,000"
    )
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    sizes = {
        f"{size:,} stations": (size, 0) for size in (10**power for power in range(3, 9)) if size <= chosen.stations
    }
    sizes[f"… and {chosen.meter_values:,} meter values"] = (
        max(size for size, _ in sizes.values()),
        chosen.meter_values,
    )
    context = multiprocessing.get_context("spawn")
    benches: dict[str, Connection] = {}
    found: dict[str, list[list[float]]] = {name: [] for name in sizes}
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        paths = {name: Path(folder) / str(number) / "growth.sqlite" for number, name in enumerate(sizes)}
        filling = [context.Process(target=_fill, args=(paths[name], *size)) for name, size in sizes.items()]
        for process in filling:
            process.start()
        for process in filling:
            process.join()
            if process.exitcode:
                raise SystemExit("a store was not filled, see above")
        for name, (stations, _) in sizes.items():
            benches[name], theirs = context.Pipe()
            context.Process(target=_measure, args=(theirs, paths[name], stations), daemon=True).start()
        for number in range(chosen.rounds + 1):
            print(f"  round {number} of {chosen.rounds}", file=sys.stderr)
            for name, bench in benches.items():
                bench.send(chosen.messages)
                row = bench.recv()
                if number:  # the one before the first only warms up
                    found[name].append(row)
        for bench in benches.values():
            bench.send(0)
        for process in multiprocessing.active_children():
            process.join()
    return _report([(name, [median(column) for column in zip(*rows, strict=True)]) for name, rows in found.items()])


def _folder() -> Path:
    folder = ROOT / ".run" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _report(rows: list[tuple[str, list[float]]]) -> int:
    print(f"{'µs of processor time for each':34}" + "".join(f"{name:>20}" for name in [*BODIES, "RSS, MiB"]))
    for name, figures in rows:
        print(f"{name:34}" + "".join(f"{figure:20.0f}" for figure in figures))
    ratios = [last / first for first, last in zip(rows[0][1], rows[-1][1], strict=True)]
    print(f"{'last row to first row':34}" + "".join(f"{ratio:20.2f}" for ratio in ratios))
    return 0 if max(ratios[: len(BODIES)]) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
