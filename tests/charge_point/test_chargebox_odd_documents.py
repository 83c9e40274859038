"""Documents with odd values: whatever is wrong with one of them, the others go on."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from running_box import Running
from waiting import wait_until

from ocpp_soap.charge_point.chargebox.exchange import (
    CONNECTORS,
    RECEIVED,
    START_TRANSACTIONS,
    STATUS_NOTIFICATIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
    TAKEN,
    Exchange,
)
from ocpp_soap.charge_point.chargebox.station import StoredMeter
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.file import FileStorage

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
SINGLE: list[Any] = [
    None, True, 0, -1, 2**31, 2**63 - 1, 1.5, 1e300, "", " ", "x" * 1000, "\x00", "\x01", "NaN", "9" * 40,
    "2026-11-30T10:00:00Z", "2026-11-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc),
]  # fmt: skip
NESTED: list[Any] = [[], [1], {}, {"a": [None]}, {"$a": 1}]
USUAL: dict[Collection, dict[str, Any]] = {
    TAG_REQUESTS: {"connector_id": 1, "id_tag": "TAG1"},
    STATUS_NOTIFICATIONS: {
        "connector_id": 1, "status": "Available", "error_code": "NoError", "timestamp": NOW, "info": "",
        "vendor_id": "", "vendor_error_code": "",
    },
    START_TRANSACTIONS: {
        "connector_id": 1, "id_tag": "TAG1", "timestamp": NOW, "meter_start": 1, "reservation_id": 1,
    },
    STOP_TRANSACTIONS: {"start": "a start", "timestamp": NOW, "meter_stop": 2, "id_tag": "TAG1"},
}  # fmt: skip


def insert(box: Running, collection: Collection, key: str, **content: Any) -> None:
    box.storage.create(collection, key, {"state": RECEIVED, "created": NOW, **content})


def test_a_text_in_the_place_of_a_date_stops_no_document(run):
    box = run()
    usual = USUAL[STATUS_NOTIFICATIONS]
    insert(box, STATUS_NOTIFICATIONS, "odd", **usual | {"created": "2026-11-30T10:00:00Z"})
    insert(box, STATUS_NOTIFICATIONS, "good", **usual)
    insert(box, TAG_REQUESTS, "good", **USUAL[TAG_REQUESTS])
    for collection, key in ((STATUS_NOTIFICATIONS, "odd"), (STATUS_NOTIFICATIONS, "good"), (TAG_REQUESTS, "good")):
        assert box.answered(collection, key)["state"] == "Answered"


@pytest.mark.parametrize("collection", TAKEN, ids=lambda collection: collection.name)
def test_an_odd_value_in_any_field_stops_no_document(run, collection):
    box = run(connectors=2)
    insert(box, START_TRANSACTIONS, "a start", **USUAL[START_TRANSACTIONS])
    keys = []
    for field in ["created", "foreign", *USUAL[collection]]:
        for number, value in enumerate(SINGLE if field == "created" else [*SINGLE, *NESTED]):
            keys.append(f"{field} {number}")
            insert(box, collection, keys[-1], **USUAL[collection] | {field: value})
    start = box.exchange.started(2, "GOOD", 1)
    stop = box.exchange.stopped(start, 2)
    assert box.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"
    for key in keys:
        document = box.answered(collection, key)
        assert document["state"] == "Answered" or document["reason"]


def test_documents_are_taken_in_the_order_of_times_however_these_are_written(tmp_path):
    storage = FileStorage(tmp_path / "box.db")
    times = {
        "missing": None,
        "no time": "soon",
        "text": "2026-01-05T13:30:00+02:00",
        "date": NOW,
        "naive text": "2026-01-05T12:15:00",
        "later date": NOW + timedelta(minutes=30),
    }
    for key, created in reversed(times.items()):
        storage.create(TAG_REQUESTS, key, {"state": RECEIVED, "created": created})
    found = [stored.key for _, stored in Exchange(storage, lambda: NOW).in_state(RECEIVED)]
    storage.close()
    assert sorted(found[:2]) == ["missing", "no time"]
    assert found[2:] == ["text", "date", "naive text", "later date"]


def test_a_stop_that_is_found_before_its_start_waits_until_that_was_taken(run, sink):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    with box.box.station.lock:
        insert(box, STOP_TRANSACTIONS, "a stop", **USUAL[STOP_TRANSACTIONS] | {"created": None})
        insert(box, START_TRANSACTIONS, "a start", **USUAL[START_TRANSACTIONS])
    assert box.answered(STOP_TRANSACTIONS, "a stop")["state"] == "Answered"
    assert sink.operations("BOX1") == ["bootNotification", "startTransaction", "stopTransaction"]


def test_a_reading_that_is_no_number_counts_as_0(tmp_path):
    storage = FileStorage(tmp_path / "box.db")
    exchange = Exchange(storage, lambda: NOW)
    for value in [*SINGLE, *NESTED]:
        exchange.update(CONNECTORS, "1", energy=value, power="12.5")
        meter = StoredMeter(exchange, 1)
        assert math.isfinite(meter.energy(NOW))
        assert meter.power(NOW) == 12.5
    storage.close()


def test_an_odd_reading_does_not_stop_a_session(run):
    box = run(meter_interval=1)
    box.exchange.update(CONNECTORS, "1", energy="much", power=[])
    start = box.exchange.started(1, "TAG1", 1)
    assert box.answered(START_TRANSACTIONS, start)["state"] == "Answered"
    stop = box.exchange.stopped(start, 2)
    assert box.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"


def test_a_session_whose_times_are_texts_outlives_the_daemon(run, sink):
    box = run(configuration={"MeterValueSampleInterval": "1"})
    started = {"timestamp": "2026-01-05T12:00:00Z", "meter_start": "1"}
    insert(box, START_TRANSACTIONS, "a start", **USUAL[START_TRANSACTIONS] | started)
    transaction_id = box.answered(START_TRANSACTIONS, "a start")["transaction_id"]
    box.close()
    again = run(configuration={"MeterValueSampleInterval": "1"})
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") == 2)
    transaction = again.box.station.connectors[1].transaction
    assert (transaction.transaction_id, transaction.started, transaction.meter_start) == (transaction_id, NOW, 1)


def test_a_start_that_was_spoilt_does_not_stop_the_next_daemon(run):
    box = run()
    start = box.exchange.started(1, "TAG1", 1)
    box.answered(START_TRANSACTIONS, start)
    box.exchange.update(START_TRANSACTIONS, start, timestamp=None)
    box.close()
    again = run()
    assert again.answered(TAG_REQUESTS, again.exchange.tag(1, "TAG1"))["state"] == "Answered"


def test_a_store_that_is_away_for_a_moment_lets_no_document_fail(run, monkeypatch):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    put, away = box.box.station.outbox.put, [True, True]

    def put_unless_away(*arguments: Any, **more: Any) -> None:
        if away:
            away.pop()
            raise StoreUnavailable("the disk is full")
        put(*arguments, **more)

    monkeypatch.setattr(box.box.station.outbox, "put", put_unless_away)
    start = box.exchange.started(1, "TAG1", 1)
    assert box.answered(START_TRANSACTIONS, start)["state"] == "Answered"
    assert away == []


def test_a_mistake_of_ours_lets_its_document_fail_and_no_other(run, monkeypatch):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    adopt = box.box.station.sessions.adopt

    def stumble(connector: Any, transaction: Any) -> None:
        adopt(connector, transaction)
        if transaction.id_tag == "ODD":
            raise KeyError("stumbled")

    monkeypatch.setattr(box.box.station.sessions, "adopt", stumble)
    odd = box.exchange.started(1, "ODD", 1)
    good = box.exchange.started(1, "GOOD", 1)
    assert "stumbled" in box.answered(START_TRANSACTIONS, odd)["reason"]
    assert box.answered(START_TRANSACTIONS, good)["state"] == "Answered"
