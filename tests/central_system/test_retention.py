"""How long time series are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem, retention
from ocpp_soap.central_system.collections import AUDIT, EVENTS, METER_VALUES, NOTIFICATIONS, STATUSES
from ocpp_soap.central_system.retention import Retention, remove_older
from ocpp_soap.storage import Collection, Storage

NOW = datetime.now(timezone.utc)
BY_TIME = ((EVENTS, "at"), (AUDIT, "at"), (NOTIFICATIONS, "received_at"))
BY_STATION = (METER_VALUES, STATUSES)


@pytest.fixture
def store(central_system: CentralSystem) -> Storage:
    return central_system.store


def add(store: Storage, collection: Collection, *ages: float, station: str = "CP1", field: str = "received_at") -> None:
    """Append entries that are so many days old."""
    number = store.count(collection)
    for place, age in enumerate(ages, number):
        entry = {"charge_box_identity": station, field: NOW - timedelta(days=age), "age": age}
        store.append(collection, [(f"{collection.name}-{place}", entry)])


def ages(store: Storage, collection: Collection) -> list[Any]:
    return [item.document["age"] for item in store.find(collection).items]


@pytest.mark.parametrize(("collection", "field"), BY_TIME)
def test_entries_are_removed_by_their_age_but_never_the_newest(
    store: Storage, collection: Collection, field: str
) -> None:
    add(store, collection, 5, 4, 3, 2, 1, field=field)
    assert sum(remove_older(store, collection, NOW - timedelta(days=2.5))) == 3
    assert ages(store, collection) == [2, 1]
    assert sum(remove_older(store, collection, NOW + timedelta(days=1))) == 1
    assert ages(store, collection) == [1]


@pytest.mark.parametrize("collection", BY_STATION)
def test_of_meter_values_and_statuses_those_of_all_stations_are_removed(
    store: Storage, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_PAGE", 2)
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    add(store, collection, 9, 9, 9, station="CP1")
    add(store, collection, 8, 7, 6, station="CP2")
    add(store, collection, 5, station="CP1")
    add(store, collection, 8, 4, 2, station="CP3")
    add(store, collection, 1, station="CP2")
    assert sum(remove_older(store, collection, NOW - timedelta(days=4.5))) == 8
    assert ages(store, collection) == [4, 2, 1]
    assert sum(remove_older(store, collection, NOW + timedelta(days=1))) == 2
    assert ages(store, collection) == [1]


def test_what_a_clock_stored_that_was_ahead_does_not_keep_what_came_after_it(store: Storage, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "_PAGE", 2)
    add(store, METER_VALUES, -400, -400, -400, 9, 8, 1)
    assert sum(remove_older(store, METER_VALUES, NOW - timedelta(days=5))) == 2
    assert ages(store, METER_VALUES) == [-400, -400, -400, 1]


def test_old_entries_are_looked_for_once_an_hour_also_after_our_clock_was_set_back(
    store: Storage,
) -> None:
    add(store, EVENTS, 33, 32, 31, field="at")
    of_30_days = Retention(store, {"events": 30})
    for done_at, left in ((NOW - timedelta(minutes=50), 3), (NOW + timedelta(days=365), 1)):
        assert (of_30_days.forget({"done_at": done_at})["done_at"] == done_at) is (left == 3)
        assert store.count(EVENTS) == left


def test_a_clock_that_was_set_ahead_has_an_hour_to_be_set_right(store: Storage) -> None:
    add(store, EVENTS, 32, 31, field="at")
    of_30_days = Retention(store, {"events": 30})
    mark = of_30_days.forget({"done_at": NOW - timedelta(days=365)})
    assert of_30_days.forget(mark) == mark
    assert store.count(EVENTS) == 2
    of_30_days.forget({"done_at": mark["done_at"] - timedelta(minutes=61)})
    assert store.count(EVENTS) == 1


def test_what_takes_long_goes_on_with_the_next_turn(store: Storage, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "_LONGEST", 0.0)
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    add(store, STATUSES, 9, 8, 7, 6, 5)
    of_a_day = Retention(store, {"statuses": 1})
    mark: dict[str, Any] = {}
    left = []
    for _ in range(4):
        mark = of_a_day.forget(mark)
        left.append(store.count(STATUSES))
    assert left == [3, 1, 1, 1]
    assert of_a_day.forget(mark) == mark


@pytest.mark.parametrize(("backend", "left"), [("file", [2, 1]), ("firebase", [2, 1]), ("mongodb", [9, 2, 1])])
def test_the_duty_follows_the_setting_of_its_store_and_mongodb_does_it_itself(
    make_central_system: Callable[..., CentralSystem], backend: str, left: list[int]
) -> None:
    days = {f"STORAGE__{backend.upper()}__RETENTION_DAYS": '{"meter_values": 3}'}
    system = make_central_system(STORAGE__BACKEND=backend, **days)
    add(system.store, METER_VALUES, 9, 2, 1)
    system.duties.do_all()
    assert ages(system.store, METER_VALUES) == left
