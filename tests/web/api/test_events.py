from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import EVENTS
from ocpp_soap.storage.searches import find_search, write_token
from ocpp_soap.web.api.streams import Streams


def kinds(page: Any) -> list[str]:
    return [event["kind"] for event in page["items"]]


def test_pages_go_on_with_the_cursor_also_when_nothing_was_new(api: Any, system: CentralSystem) -> None:
    for number in range(5):
        system.events.add("a.b", "CP1", number=number)
    first = api.get("/events?limit=3").json
    second = api.get(f"/events?after={first['cursor']}").json
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [event["data"]["number"] for event in first["items"] + second["items"]] == [0, 1, 2, 3, 4]
    empty = api.get(f"/events?after={second['cursor']}").json
    system.events.add("c.d")
    assert (empty["items"], kinds(api.get(f"/events?after={empty['cursor']}").json)) == ([], ["c.d"])


def test_events_are_filtered_by_station_and_kinds(api: Any, system: CentralSystem) -> None:
    for kind, identity in (("a.b", "CP1"), ("a.b", "CP2"), ("c.d", "CP1"), ("e.f", None)):
        system.events.add(kind, identity)
    assert kinds(api.get("/events?charge_box_identity=CP1").json) == ["a.b", "c.d"]
    assert kinds(api.get("/events?kinds=c.d,e.f").json) == ["c.d", "e.f"]
    assert kinds(api.get("/events?kinds=a.b&charge_box_identity=CP2").json) == ["a.b"]


def test_the_latest_come_first_if_asked_for(api: Any, system: CentralSystem) -> None:
    for number in range(3):
        system.events.add("a.b", "CP1", number=number)
    latest = api.get("/events?sort=-at&limit=2").json
    before = api.get(f"/events?sort=-at&after={latest['cursor']}").json
    assert [event["data"]["number"] for event in latest["items"] + before["items"]] == [2, 1, 0]
    assert (latest["has_more"], before["has_more"]) == (True, False)
    stream = api.get("/events?sort=-at", headers={"Accept": "text/event-stream"})
    assert stream.json["detail"] == "sort: a stream has the events in the order in which they are stored."


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/event-stream"}])
def test_a_cursor_of_another_search_is_a_problem(api: Any, system: CentralSystem, headers: dict[str, str]) -> None:
    system.events.add("a.b", "CP1")
    cursor = api.get("/events").json["cursor"]
    response = api.get(f"/events?charge_box_identity=CP1&after={cursor}", headers=headers)
    assert (response.status_code, response.content_type) == (422, "application/problem+json")


@pytest.mark.parametrize(("store", "tie"), [("mongodb", [1767614400, 1]), ("firebase", ["event-1"])])
def test_a_cursor_of_another_kind_of_store_is_a_problem_also_for_a_stream(
    api: Any, system: CentralSystem, store: str, tie: Any
) -> None:
    system.events.add("a.b", "CP1")
    cursor = write_token(store, find_search(EVENTS, None, None), None, tie)
    assert api.get(f"/events?after={cursor}").status_code == 422
    stream = {"Accept": "text/event-stream", "Last-Event-ID": cursor}
    assert api.get("/events", headers=stream).status_code == 422


def messages(text: str) -> list[dict[str, str]]:
    """The fields of each message of a stream, as a browser reads them."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    return [dict(line.split(": ", 1) for line in block if not line.startswith(":")) for block in blocks]


def test_a_stream_tells_what_happens_and_goes_on_from_its_last_id(
    api: Any, system: CentralSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Streams.__init__, "__kwdefaults__", {"lifetime": 0.3})
    system.events.add("old.one", "CP1")
    cursor = api.get("/events").json["cursor"]
    for number in range(150):
        system.events.add("new.one", "CP1", number=number)
    response = api.get("/events", headers={"Accept": "Text/Event-Stream", "Last-Event-ID": cursor})
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    told = messages(response.text)
    assert told[:2] == [{"retry": "1000"}, {"id": cursor}]
    events = [json.loads(message["data"]) for message in told if "data" in message]
    assert [event["data"]["number"] for event in events] == list(range(150))
    assert {message["event"] for message in told if "data" in message} == {"new.one"}
    last = [message["id"] for message in told if "id" in message][-1]
    again = api.get("/events", headers={"Accept": "text/event-stream", "Last-Event-ID": last})
    assert [message for message in messages(again.text) if "data" in message] == []


def test_a_stream_without_cursor_begins_now(api: Any, system: CentralSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Streams.__init__, "__kwdefaults__", {"lifetime": 0.2})
    system.events.add("old.one")
    response = api.get("/events", headers={"Accept": "text/event-stream"})
    assert [message for message in messages(response.text) if "data" in message] == []


@pytest.mark.parametrize("before", [[], ["old.one"]])
@pytest.mark.parametrize("filters", ["", "?kinds=new.one", "?kinds=new.one,other.one&charge_box_identity=CP1"])
def test_what_happens_between_two_streams_is_told_also_if_nothing_had_happened_before(
    api: Any, system: CentralSystem, monkeypatch: pytest.MonkeyPatch, before: list[str], filters: str
) -> None:
    monkeypatch.setattr(Streams.__init__, "__kwdefaults__", {"lifetime": 0.01})
    for kind in before:
        system.events.add(kind, "CP1")
    first = messages(api.get(f"/events{filters}", headers={"Accept": "text/event-stream"}).text)
    last = [message["id"] for message in first if "id" in message][-1]
    system.events.add("new.one", "CP1")
    again = api.get(f"/events{filters}", headers={"Accept": "text/event-stream", "Last-Event-ID": last})
    assert [message["event"] for message in messages(again.text) if "data" in message] == ["new.one"]
    page = api.get(f"/events{filters or '?'}&after={last}").json
    assert kinds(page) == ["new.one"]


def test_only_so_many_streams_are_open_at_once(system: CentralSystem) -> None:
    streams = Streams(2, lifetime=0.01)

    def read(cursor: str | None) -> Any:
        return system.events.list(after=cursor)

    first, second = streams.open(read, None), streams.open(read, None)
    assert streams.open(read, None) is None
    assert first is not None
    assert second is not None
    list(first)
    third = streams.open(read, None)
    assert third is not None
    second.close()  # type: ignore[attr-defined]
    second.close()  # type: ignore[attr-defined]
    fourth = streams.open(read, None)
    assert fourth is not None
    assert streams.open(read, None) is None
    del third, fourth
    assert streams.open(read, None) is not None


def test_too_many_streams_are_told_when_to_come_again(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Streams, "open", lambda self, read, cursor: None)
    response = api.get("/events", headers={"Accept": "text/event-stream"})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "16 streams" in response.json["detail"]
