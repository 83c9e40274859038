from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import EVENTS, TAGS
from ocpp_soap.dispatch import Call
from ocpp_soap.errors import AlreadyExists, StoreUnavailable
from ocpp_soap.messages import (
    BootNotificationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
    HeartbeatRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
)

Send = Callable[..., Any]


def kinds(central_system: CentralSystem) -> list[str]:
    central_system.events.flush()
    return [event.kind for event in central_system.events.list().items]


def test_events_come_in_the_order_in_which_they_were_added(central_system: CentralSystem) -> None:
    for number in range(5):
        central_system.events.add("command.done", "CP001", command_id=number)
    assert [event.data["command_id"] for event in central_system.events.list().items] == [0, 1, 2, 3, 4]


def test_a_cursor_goes_on_behind_the_last_event_also_at_the_end(central_system: CentralSystem) -> None:
    central_system.events.add("a.b")
    page = central_system.events.list()
    assert central_system.events.list(after=page.cursor).items == []
    central_system.events.add("c.d")
    later = central_system.events.list(after=central_system.events.list(after=page.cursor, limit=1).cursor)
    assert [event.kind for event in central_system.events.list(after=page.cursor).items] == ["c.d"]
    assert later.items == []


def test_the_cursor_of_now_is_the_one_of_the_newest_event(central_system: CentralSystem) -> None:
    for kind in ("a.a", "b.b", "c.c"):
        central_system.events.add(kind)
    now = central_system.events.list(descending=True, limit=1).cursor
    central_system.events.add("d.d")
    assert [event.kind for event in central_system.events.list(after=now).items] == ["d.d"]


def test_a_cursor_of_another_search_is_refused(central_system: CentralSystem) -> None:
    central_system.events.add("a.b", "CP001")
    with pytest.raises(ValueError, match="does not belong"):
        central_system.events.list(charge_box_identity="CP001", after=central_system.events.list().cursor)


def test_events_are_found_by_station_and_kind(central_system: CentralSystem) -> None:
    for kind, identity in (("a.b", "CP001"), ("a.b", "CP002"), ("c.d", "CP001")):
        central_system.events.add(kind, identity)
    events = central_system.events
    assert [event.kind for event in events.list(charge_box_identity="CP001").items] == ["a.b", "c.d"]
    assert [event.charge_box_identity for event in events.list(kinds=("a.b",)).items] == ["CP001", "CP002"]
    assert [event.kind for event in events.list(charge_box_identity="CP001", kinds=("c.d", "x.y")).items] == ["c.d"]


def test_two_events_of_one_key_are_one(central_system: CentralSystem) -> None:
    assert central_system.events.add("a.b", key="same")
    assert not central_system.events.add("a.b", key="same")
    assert kinds(central_system) == ["a.b"]


def test_a_noted_event_is_stored_soon(central_system: CentralSystem) -> None:
    central_system.events.note("a.b")
    deadline = time.monotonic() + 5
    while not central_system.events.list().items and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [event.kind for event in central_system.events.list().items] == ["a.b"]


def test_an_event_is_stored_behind_those_noted_before_it(central_system: CentralSystem) -> None:
    central_system.events.note("first.one")
    central_system.events.add("second.one")
    assert [event.kind for event in central_system.events.list().items] == ["first.one", "second.one"]


def test_an_event_is_stored_with_what_it_tells_of_behind_those_noted_before_it(central_system: CentralSystem) -> None:
    events, store = central_system.events, central_system.store
    events.note("first.one")
    with events.together("second.one", key="second") as told:
        store.create_and_append(TAGS, "T", {}, {EVENTS: told.entries})
        told.is_stored = True
    assert kinds(central_system) == ["first.one", "second.one"]


def test_what_was_noted_stays_noted_where_the_event_is_not_stored(central_system: CentralSystem) -> None:
    events, store = central_system.events, central_system.store
    store.create(TAGS, "T", {})
    events.note("first.one")
    with pytest.raises(AlreadyExists), events.together("second.one", key="second") as told:
        store.create_and_append(TAGS, "T", {}, {EVENTS: told.entries})
    assert kinds(central_system) == ["first.one"]


def test_a_station_s_messages_are_events(central_system: CentralSystem, send: Send, noon: datetime) -> None:
    send(BootNotificationRequest(charge_point_vendor="V", charge_point_model="M"))
    send(HeartbeatRequest())
    send(
        StatusNotificationRequest(
            connector_id=1, status=ChargePointStatus.FAULTED, error_code=ChargePointErrorCode.GROUND_FAILURE
        )
    )
    started = send(StartTransactionRequest(connector_id=1, id_tag="T", timestamp=noon, meter_start=5))
    send(StopTransactionRequest(transaction_id=started.transaction_id, timestamp=noon, meter_stop=9))
    send(FirmwareStatusNotificationRequest(status=FirmwareStatus.INSTALLED))
    central_system.events.flush()
    by_kind = {event.kind: event for event in central_system.events.list().items}
    assert set(by_kind) >= {
        "station.booted",
        "connector.status",
        "transaction.started",
        "transaction.stopped",
        "firmware.status",
    }
    assert by_kind["connector.status"].data == {
        "connector_id": 1,
        "status": "Faulted",
        "error_code": "GroundFailure",
    }
    assert by_kind["transaction.started"].data["transaction_id"] == started.transaction_id
    assert by_kind["transaction.stopped"].data["meter_stop"] == 9
    assert by_kind["transaction.stopped"].charge_box_identity == "CP001"


def test_a_repeated_start_and_stop_are_one_event_each(
    central_system: CentralSystem, send: Send, noon: datetime
) -> None:
    start = StartTransactionRequest(connector_id=1, id_tag="T", timestamp=noon, meter_start=5)
    transaction_id = send(start).transaction_id
    assert send(start).transaction_id == transaction_id
    stop = StopTransactionRequest(transaction_id=transaction_id, timestamp=noon, meter_stop=9)
    send(stop)
    send(stop)
    found = kinds(central_system)
    assert found.count("transaction.started") == 1
    assert found.count("transaction.stopped") == 1


def test_a_start_is_answered_although_its_event_cannot_be_stored_now(
    central_system: CentralSystem, make_call: Callable[..., Call], noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = type(central_system.store)
    append = store.append

    def full(self: Any, collection: Any, entries: Any, **values: Any) -> int:
        if collection.name == "events":
            raise StoreUnavailable("the disk is full")
        return append(self, collection, entries, **values)

    start = StartTransactionRequest(connector_id=1, id_tag="T", timestamp=noon, meter_start=5)
    with monkeypatch.context() as patched:
        patched.setattr(store, "append", full)
        assert central_system.receive(make_call(start)).transaction_id >= 1
    assert "transaction.started" in kinds(central_system)


def test_what_two_threads_note_first_after_a_fork_is_both_kept(
    central_system: CentralSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = central_system.events
    lock = threading.Lock

    def lock_late() -> Any:
        monkeypatch.setattr(threading, "Lock", lock)
        other = threading.Thread(target=events.note, args=("a.a",))
        other.start()
        other.join()
        return lock()

    events._process = 0  # as in a child, which has another id
    monkeypatch.setattr(threading, "Lock", lock_late)
    events.note("b.b")
    events.flush()
    assert kinds(central_system) == ["a.a", "b.b"]
