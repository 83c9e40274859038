"""The charge box: documents in a store on one side, a central system that is not ours on the other."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timezone

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ocpp_soap import config
from ocpp_soap.charge_point.chargebox import ChargeBox, ChargeBoxSettings, load_chargebox_settings
from ocpp_soap.charge_point.chargebox.bridges import Outputs, load_bridge
from ocpp_soap.charge_point.chargebox.bridges.mock import MockHardware, MockOptions
from ocpp_soap.charge_point.chargebox.exchange import (
    CHARGE_BOX,
    COMMANDS,
    CONNECTORS,
    START_TRANSACTIONS,
    STATUS_NOTIFICATIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
)
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import (
    ChargePointErrorCode,
    ChargePointStatus,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    Role,
    UnlockConnectorRequest,
    Version,
)
from ocpp_soap.soap.client import Endpoint, client_for
from ocpp_soap.storage.file import FileStorage

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Running:
    """A charge box in a thread, and its store seen from the hardware side."""

    def __init__(self, url, path, *, version=Version.V15, kind="store", bridge=None, **more):
        self.storage = FileStorage(path)
        options = ChargeBoxSettings.model_validate(
            {
                "central_url": url,
                "version": version,
                "identity": "BOX1",
                "meter_interval": 0,
                "reset_seconds": 0.05,
                "listen": {"port": 0},
                "bridge": {"kind": kind, "poll_interval": 0.02, "options": bridge or {}},
                **more,
            }
        )
        self.box = ChargeBox(options, config.load(None, {}), self.storage)
        self.exchange = self.box.exchange
        self.accepted = None
        self.closed = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        self.accepted = self.box.run()

    def document(self, collection, key):
        return self.exchange.get(collection, key)

    def answered(self, collection, key):
        wait_until(lambda: self.document(collection, key)["state"] in ("Answered", "Failed"))
        return self.document(collection, key)

    def boot_state(self):
        return (self.exchange.get(CHARGE_BOX, "BOX1") or {}).get("boot_state")

    def commands(self):
        return [s.document["action"] for s in self.storage.find(COMMANDS).items]

    def call(self, sink, request):
        version = self.box.options.version
        url = self.box._listener.url("BOX1", version, sink.url)
        return client_for(Role.CHARGE_POINT, version).call(Endpoint(url, timeout=5), "BOX1", request)

    def close(self):
        if self.closed:
            return
        self.closed = True
        self.box.end()
        self._thread.join(5)
        self.box.close()
        self.storage.close()


@pytest.fixture
def run(sink, tmp_path):
    running = []

    def run(**more):
        running.append(Running(sink.url, tmp_path / "box.db", **more))
        return running[-1]

    yield run
    for one in running:
        one.close()


@pytest.mark.parametrize("version", Version)
def test_a_session_from_documents_to_documents(run, sink, version):
    box = run(version=version)
    wait_until(lambda: box.boot_state() == 3)
    tag = box.exchange.tag(1, "TAG1")
    assert box.answered(TAG_REQUESTS, tag)["accepted"] is True
    status = box.exchange.status(1, ChargePointStatus.OCCUPIED, ChargePointErrorCode.NO_ERROR)
    start = box.exchange.started(1, "TAG1", 1000)
    stop = box.exchange.stopped(start, 1500, "TAG1")
    assert box.answered(STATUS_NOTIFICATIONS, status)["state"] == "Answered"
    assert box.answered(START_TRANSACTIONS, start)["transaction_id"] > 0
    assert box.answered(STOP_TRANSACTIONS, stop)["status_of_tag"] == "Accepted"
    operations = sink.operations("BOX1")
    assert operations == ["bootNotification", "authorize", "statusNotification", "startTransaction", "stopTransaction"]
    assert sink.complaints == []


def test_a_document_that_cannot_be_sent_fails_with_its_reason_and_blocks_nothing(run):
    box = run()
    good_start = {"connector_id": 1, "id_tag": "T", "timestamp": NOW, "meter_start": 1}
    wrong = [
        (
            START_TRANSACTIONS,
            {"connector_id": 1, "id_tag": "T", "timestamp": NOW, "meter_start": "much"},
            "meter_start",
        ),
        (START_TRANSACTIONS, {**good_start, "connector_id": 9}, "connector_id"),
        (STOP_TRANSACTIONS, {"start": "nothing", "timestamp": NOW, "meter_stop": 1}, "there is no document"),
        (STATUS_NOTIFICATIONS, {"connector_id": 1, "status": "Melting"}, "status"),
        (TAG_REQUESTS, {"connector_id": 1}, "id_tag"),
        (START_TRANSACTIONS, {**good_start, "id_tag": "T\x01"}, "character"),
    ]
    keys = [(collection, box.exchange.insert(collection, content), reason) for collection, content, reason in wrong]
    good = box.exchange.tag(1, "TAG1")
    assert box.answered(TAG_REQUESTS, good)["state"] == "Answered"
    for collection, key, reason in keys:
        document = box.answered(collection, key)
        assert document["state"] == "Failed"
        assert reason in document["reason"]


def test_what_was_queued_survives_a_restart_and_arrives_once_and_in_order(run, sink):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    sink.mode = "down"
    start = box.exchange.started(1, "TAG1", 1000)
    stop = box.exchange.stopped(start, 1500)
    wait_until(lambda: box.document(STOP_TRANSACTIONS, stop)["state"] == "Queued")
    box.close()
    sink.mode = "usual"
    again = run()
    assert again.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"
    assert again.document(START_TRANSACTIONS, start)["transaction_id"] > 0
    kept = [o for o in sink.operations("BOX1") if o.endswith("Transaction")]
    assert kept == ["startTransaction", "stopTransaction"]


def test_a_session_outlives_the_daemon(run, sink):
    box = run()
    start = box.exchange.started(1, "TAG1", 1000)
    transaction_id = box.answered(START_TRANSACTIONS, start)["transaction_id"]
    box.close()
    again = run()
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") == 2 and again.boot_state() == 3)
    assert again.call(sink, RemoteStopTransactionRequest(transaction_id=transaction_id)).status == "Accepted"
    wait_until(lambda: again.commands() == ["StopTransaction"])
    assert "stopTransaction" not in sink.operations("BOX1")
    stop = again.exchange.stopped(start, 1500)
    assert again.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"


def test_calls_of_the_central_system_become_commands(run, sink):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    assert box.call(sink, RemoteStartTransactionRequest(id_tag="R", connector_id=1)).status == "Accepted"
    wait_until(lambda: box.commands() == ["StartTransaction"])
    start = box.exchange.started(1, "R", 0)
    box.answered(START_TRANSACTIONS, start)
    assert box.call(sink, UnlockConnectorRequest(connector_id=1)).status == "Accepted"
    assert sorted(box.commands()) == ["StartTransaction", "StopTransaction", "UnlockConnector"]
    box.exchange.stopped(start, 10)
    assert box.call(sink, ResetRequest(type="Soft")).status == "Accepted"
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") == 2)


def test_meter_values_are_sent_on_the_wall_clock(run, sink):
    box = run(meter_interval=1)
    start = box.exchange.started(1, "TAG1", 1000)
    box.exchange.measure(1, 1234.5, 7000)
    box.answered(START_TRANSACTIONS, start)
    wait_until(lambda: "meterValues" in sink.operations("BOX1"))
    values = next(r for _, _, o, r in sink.requests if o == "meterValues")
    assert values.findtext(".//{*}timestamp").partition(".")[2] in ("", "000Z", "000000Z")
    assert values.findtext(".//{*}value") == "1234"


class TestBoot:
    REJECTED = (
        "<c:status>Rejected</c:status><c:currentTime>{now}</c:currentTime><c:heartbeatInterval>1</c:heartbeatInterval>"
    )

    def test_a_refused_box_keeps_trying(self, run, sink):
        sink.answers["bootNotification"] = self.REJECTED
        box = run()
        wait_until(lambda: box.boot_state() == 4)
        wait_until(lambda: len(sink.operations("BOX1")) == 2)
        assert box.accepted is None

    def test_or_ends_if_configured(self, run, sink):
        sink.answers["bootNotification"] = self.REJECTED
        box = run(boot={"on_rejected": "exit"})
        wait_until(lambda: box.accepted is False)

    def test_without_network_the_boot_was_sent_and_not_answered(self, run, sink):
        sink.mode = "down"
        box = run()
        wait_until(lambda: box.boot_state() == 2)


def test_the_mock_bridge_charges(run, sink):
    box = run(kind="mock", bridge={"charge_seconds": 0.1, "pause_seconds": 0.05, "sessions": 1})
    wait_until(lambda: "stopTransaction" in sink.operations("BOX1"))
    kept = [o for o in sink.operations("BOX1") if o not in ("bootNotification", "statusNotification")]
    assert kept == ["authorize", "startTransaction", "stopTransaction"]
    wait_until(lambda: (box.exchange.get(CONNECTORS, "1") or {}).get("status") == "Available")
    assert sink.complaints == []


class Plc:
    """pymodbus's own server on a free port, with a controller's registers."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._ready = threading.Event()
        self._thread.start()
        assert self._ready.wait(5)
        self.client = ModbusTcpClient("127.0.0.1", port=self.port)
        assert self.client.connect()

    def _serve(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()

    async def _start(self):
        words = [SimData(0, count=40, values=0, datatype=DataType.REGISTERS)]
        coils = [SimData(0, count=4, values=False, datatype=DataType.BITS)]
        device = SimDevice(1, (coils, coils, words, words))
        self._server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await self._server.serve_forever(background=True)
        self.port = self._server.transport.sockets[0].getsockname()[1]

    def set(self, address, *words):
        assert not self.client.write_registers(address, list(words), device_id=1).isError()

    def tag(self, text):
        padded = text.encode().ljust(20, b"\0")
        self.set(10, *(int.from_bytes(padded[n : n + 2], "big") for n in range(0, 20, 2)))

    def coil(self, address):
        return self.client.read_coils(address, count=1, device_id=1).bits[0]

    def limit(self):
        return self.client.read_holding_registers(30, count=1, device_id=1).registers[0]

    def close(self):
        self.client.close()
        asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture
def plc():
    plc = Plc()
    yield plc
    plc.close()


def test_the_modbus_bridge_plugs_tags_charges_and_stops(run, sink, plc):
    registers = {
        "state": {"address": 0, "errors": {9: "GroundFailure"}},
        "energy": {"address": 2, "words": 2, "scale": 0.1},
        "power": {"address": 4},
        "id_tag": {"address": 10},
        "current_limit": {"address": 30, "ampere": 16, "scale": 10},
        "lock": 0,
        "enable": 1,
    }
    plc.set(2, 0, 10000)
    box = run(kind="modbus", bridge={"host": "127.0.0.1", "tcp_port": plc.port, "connectors": {1: registers}})
    wait_until(lambda: box.boot_state() == 3)
    plc.set(0, 1)
    plc.tag("TAG1")
    wait_until(lambda: plc.coil(1))
    assert plc.coil(0)
    assert plc.limit() == 160
    plc.tag("")
    plc.set(0, 2)
    wait_until(lambda: "startTransaction" in sink.operations("BOX1"))
    plc.set(2, 1, 10000)
    plc.tag("tag1")
    wait_until(lambda: not plc.coil(1))
    assert plc.limit() == 0
    plc.set(0, 1)
    wait_until(lambda: "stopTransaction" in sink.operations("BOX1"))
    plc.set(0, 9)
    plc.tag("")
    wait_until(lambda: (box.exchange.get(CONNECTORS, "1") or {}).get("status") == "Faulted")
    requests = {o: r for _, _, o, r in sink.requests}
    assert requests["startTransaction"].findtext("{*}meterStart") == "1000"
    assert requests["stopTransaction"].findtext("{*}meterStop") == "7554"
    assert requests["stopTransaction"].findtext("{*}idTag") == "tag1"
    assert sink.complaints == []


def test_a_bridge_can_be_a_file(run, sink, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "class Own:\n"
        "    def __init__(self, exchange): self.exchange = exchange; self.done = False\n"
        "    def answers(self): return True\n"
        "    def poll(self):\n"
        "        if not self.done: self.exchange.tag(1, 'FILE'); self.done = True\n"
        "    def close(self): pass\n"
        "def bridge(options, exchange): return Own(exchange)\n"
    )
    run(kind=str(file))
    wait_until(lambda: "authorize" in sink.operations("BOX1"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("identity: X", "central_url"),
        ("central_url: nowhere\nidentity: X", "central_url"),
        ("central_url: http://x/\nidentity: X\nmeter_interval: 7", "do not divide a day"),
        ("central_url: http://x/\nidentity: X\nbridge: {kind: mock, speed: 1}", "bridge.speed"),
        ("central_url: http://x/\nidentity: X\nversion: 1.6", "version"),
        ("[", "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_explained(tmp_path, text, reason):
    file = tmp_path / "box.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=reason):
        load_chargebox_settings(file)


def test_a_version_may_be_written_as_a_number(tmp_path):
    file = tmp_path / "box.yaml"
    file.write_text("central_url: http://x/\nidentity: X\nversion: 1.2")
    assert load_chargebox_settings(file).version is Version.V12


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("telepathy", {}, "expected store, mock, modbus"),
        ("mock", {"speed": 1}, "speed"),
        ("modbus", {"connectors": {}}, "a map for each"),
        ("missing.py", {}, "cannot be imported"),
    ],
)
def test_a_wrong_bridge_is_explained(tmp_path, kind, options, reason):
    made = ChargeBoxSettings.model_validate(
        {"central_url": "http://x/", "identity": "X", "bridge": {"kind": kind, "options": options}}
    )
    with pytest.raises(ConfigurationError, match=reason):
        load_bridge(made, None)


def test_the_mock_driver_takes_his_tag_away_before_he_shows_it_again():
    hardware = MockHardware(MockOptions(charge_seconds=0, pause_seconds=0))
    assert hardware.read(1).id_tag == "TAG1"
    hardware.write(1, Outputs(enabled=True, locked=True))
    assert [hardware.read(1).id_tag for _ in range(2)] == ["", "TAG1"]
