"""The API, the figures and the event stream as ``ocpp-soap serve`` gives them with two workers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

SERVICE = "urn://Ocpp/Cs/2012/06/"
ENVELOPE = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
    f'<chargeBoxIdentity xmlns="{SERVICE}">CP1</chargeBoxIdentity></e:Header><e:Body>{{body}}</e:Body></e:Envelope>'
)
HEARTBEAT = f'<heartbeatRequest xmlns="{SERVICE}"/>'
START = (
    f'<startTransactionRequest xmlns="{SERVICE}"><connectorId>1</connectorId><idTag>T</idTag>'
    "<timestamp>2026-01-05T12:00:00Z</timestamp><meterStart>7</meterStart></startTransactionRequest>"
)


class Served:
    """A running ``serve`` with two workers, and a key of its API."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
            port = probe.getsockname()[1]
        settings = folder / "serve.yaml"
        settings.write_text(
            f"server: {{host: 127.0.0.1, port: {port}, workers: 2}}\n"
            f"storage: {{file: {{path: {folder / 'store.sqlite'}}}}}\n"
            f"metrics: {{folder: {folder / 'metrics'}}}\n"
        )
        ocpp_soap = [sys.executable, "-m", "ocpp_soap", "--config", str(settings)]
        made = subprocess.run(
            [*ocpp_soap, "keys", "add", "tests", "--role", "admin"], capture_output=True, text=True, check=True
        )
        self.headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        with (folder / "serve.log").open("wb") as log:
            self.process = subprocess.Popen([*ocpp_soap, "serve"], stdout=log, stderr=log)

    def get(self, path: str, **values: Any) -> requests.Response:
        """Ask on a new connection, so that either worker may answer."""
        return requests.get(f"{self.url}{path}", headers=self.headers | values.pop("headers", {}), timeout=10, **values)

    def post(self, body: str) -> None:
        envelope = ENVELOPE.format(body=body).encode()
        headers = {"Content-Type": "application/soap+xml"}
        url = f"{self.url}/Ocpp/CentralSystemService"
        assert requests.post(url, data=envelope, headers=headers, timeout=10).status_code == 200

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    deadline = time.monotonic() + 30
    while not served.is_ready():
        assert served.process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield served
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=10) in (0, -signal.SIGTERM)


def messages(served: Served) -> float:
    lines = served.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("ocpp_messages_total{"))


def test_every_worker_tells_the_figures_of_all(served: Served) -> None:
    deadline = time.monotonic() + 20
    with ThreadPoolExecutor(8) as pool:
        while "ocpp_workers 2" not in served.get("/metrics").text:
            list(pool.map(served.post, [HEARTBEAT] * 16))
            assert time.monotonic() < deadline
        before = settled(served)
        list(pool.map(served.post, [HEARTBEAT] * 40))
    while any(messages(served) != before + 40 for _ in range(6)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def settled(served: Served) -> float:
    """The number of messages, once both workers have written all of theirs."""
    time.sleep(1.5)
    return messages(served)


def test_an_event_is_on_the_stream_while_it_is_open(served: Served) -> None:
    with served.get("/api/v1/events", headers={"Accept": "text/event-stream"}, stream=True) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == "retry: 1000"
        began = time.monotonic()
        served.post(START)
        data = next(line for line in lines if line.startswith("data: ") and "transaction.started" in line)
        assert time.monotonic() - began < 8
        assert json.loads(data.removeprefix("data: "))["data"]["meter_start"] == 7
    page = served.get("/api/v1/transactions?state=open").json()
    assert [item["meter_start"] for item in page["items"]] == [7]


def test_an_export_is_streamed(served: Served) -> None:
    response = served.get("/api/v1/stations?format=csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.text.splitlines()[1].startswith("CP1,accepted,")
