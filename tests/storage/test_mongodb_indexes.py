"""The indexes in MongoDB: what is there is not asked for again, and a user needs no more rights than its work does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from pymongo.collection import Collection as MongoCollection
from storage_contract import READINGS, STATIONS
from storage_servers import MongoServer

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage import Collection
from ocpp_soap.storage.mongodb import MongoStorage

NOT_ALLOWED = 13


@pytest.fixture
def url(standalone: MongoServer) -> str:
    return standalone.url(f"test_{uuid4().hex}")


def opened(url: str, days: float | None = None) -> closing[MongoStorage]:
    return closing(MongoStorage(url, timeout=5, retention_days={} if days is None else {"readings": days}))


@contextmanager
def refused(server: MongoServer, *commands: str) -> Iterator[None]:
    """A server that does not let us use the commands."""
    data = {"failCommands": list(commands), "errorCode": NOT_ALLOWED, "appName": "ocpp-soap"}
    with pymongo.MongoClient(server.url("admin")) as client:
        client["admin"].command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
        try:
            yield
        finally:
            client["admin"].command({"configureFailPoint": "failCommand", "mode": "off"})


def test_a_user_that_may_not_make_indexes_works_with_those_that_are_there(standalone: MongoServer, url: str) -> None:
    with opened(url, days=30) as store:
        store.create(STATIONS, "CP1", {"vendor": "A"})
        store.append(READINGS, [("a", {"station": "CP1"})])
    with refused(standalone, "createIndexes", "collMod", "dropIndexes"), opened(url, days=30) as store:
        assert [item.key for item in store.find(STATIONS, {"vendor": "A"}).items] == ["CP1"]
        assert [item.key for item in store.find(READINGS, {"station": "CP1"}).items] == ["a"]
        store.create(STATIONS, "CP2", {})
        store.append(READINGS, [("b", {})])


def test_a_user_that_may_not_make_a_missing_index_is_told_the_role_it_needs(standalone: MongoServer, url: str) -> None:
    role = rf"refuses this user: .* the role readWrite on the database {url.rpartition('/')[2]} \("
    with refused(standalone, "createIndexes"), opened(url) as store, pytest.raises(StoreUnavailable, match=role):
        store.find(STATIONS)


def test_a_user_that_may_not_change_the_retention_is_told_the_role_it_needs(standalone: MongoServer, url: str) -> None:
    with opened(url, days=30) as store:
        store.append(READINGS, [("a", {})])
    role = rf"retention_days it needs the role dbAdmin on the database {url.rpartition('/')[2]}, or at least collMod \("
    with refused(standalone, "collMod"), opened(url, days=2) as store, pytest.raises(StoreUnavailable, match=role):
        store.find(READINGS)


@pytest.mark.parametrize(("before", "after"), [(30, None), (30, 60), (None, 30)])
def test_processes_that_begin_at_once_follow_a_change_of_the_retention(
    url: str, monkeypatch: pytest.MonkeyPatch, before: float | None, after: float | None
) -> None:
    with opened(url, days=before) as store:
        store.append(READINGS, [("a", {})])
    have_looked, look = threading.Barrier(2), MongoCollection.index_information

    def look_at_once(target: MongoCollection[Any]) -> Any:
        found = look(target)
        have_looked.wait(10)
        return found

    monkeypatch.setattr(MongoCollection, "index_information", look_at_once)
    with opened(url, days=after) as one, opened(url, days=after) as other, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda store: store.count(READINGS), [one, other])) == [1, 1]
    monkeypatch.undo()
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        expiry = client.get_default_database()["readings"].index_information().get("expiry")
    assert (expiry and expiry["expireAfterSeconds"]) == (after and after * 86_400)


def test_only_the_missing_index_is_made(url: str) -> None:
    fewer = Collection(STATIONS.name, indexes=STATIONS.indexes[:1])
    with opened(url) as store:
        store.create(fewer, "CP1", {})
        before = store.indexes(fewer)
    with opened(url) as store:
        assert set(before) < set(store.indexes(STATIONS))


def test_an_index_that_an_administrator_made_by_another_name_is_taken(url: str) -> None:
    by_vendor = Collection("stations", indexes=(("vendor",),))
    with pymongo.MongoClient(url) as client:
        client.get_default_database()["stations"].create_index(
            [("vendor", 1), ("_us.vendor", 1), ("_id", 1)], name="vendors"
        )
    with opened(url) as store:
        store.create(by_vendor, "CP1", {"vendor": "A"})
        assert [item.key for item in store.find(by_vendor, {"vendor": "A"}, descending=True).items] == ["CP1"]
        assert store.indexes(by_vendor) == ["_id_", "vendors"]


def test_to_see_that_all_indexes_are_there_costs_one_command_for_each_collection(url: str) -> None:
    with opened(url, days=30) as store:
        store.count(STATIONS)
        store.count(READINGS)
    with pymongo.MongoClient(url) as client, opened(url, days=30) as store:
        database = client.get_default_database()
        database.command({"profile": 2})
        store.count(STATIONS)
        store.count(READINGS)
        database.command({"profile": 0})
        commands = [next(iter(entry["command"])) for entry in database["system.profile"].find().sort("ts")]
    assert commands == ["listIndexes", "count"] * 2
