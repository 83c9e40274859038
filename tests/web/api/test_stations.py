from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from time import sleep
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.messages import (
    BootNotificationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    HeartbeatRequest,
    StatusNotificationRequest,
)
from ocpp_soap.storage.file import FileStorage

BOOT = BootNotificationRequest(charge_point_vendor="ACME", charge_point_model="M1", firmware_version="1.0")


def status(connector_id: int, value: ChargePointStatus) -> StatusNotificationRequest:
    return StatusNotificationRequest(connector_id=connector_id, status=value, error_code=ChargePointErrorCode.NO_ERROR)


def test_a_station_is_what_it_said_of_itself(api: Any, send: Any) -> None:
    send(BOOT, callback_url="http://10.0.0.7:8080/")
    station = api.get("/stations/CP001").json
    assert (station["vendor"], station["model"], station["version"]) == ("ACME", "M1", "1.5")
    assert station["callback_url"] == "http://10.0.0.7:8080/"
    assert station["boot"]["firmware_version"] == "1.0"
    assert station["booted_at"] == "2026-01-05T12:00:00Z"


def at_once(*requests: Callable[[], Any]) -> list[int]:
    """The statuses that requests get which are made at the same time."""
    barrier = Barrier(len(requests))

    def ask(request: Callable[[], Any]) -> int:
        barrier.wait()
        status: int = request().status_code
        return status

    with ThreadPoolExecutor(len(requests)) as threads:
        return sorted(threads.map(ask, requests))


@pytest.fixture
def slow_to_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has read something acts on it a little later only."""
    get = FileStorage.get

    def slowly(*arguments: Any) -> Any:
        found = get(*arguments)
        sleep(0.05)
        return found

    monkeypatch.setattr(FileStorage, "get", slowly)


@pytest.mark.usefixtures("slow_to_decide")
def test_of_those_who_make_a_station_known_at_once_one_does(api: Any) -> None:
    bodies = [{"charge_box_identity": "CP001", "registration": to_be} for to_be in ("accepted", "blocked") * 3]
    requests = [lambda body=body: api.post("/stations", json=body) for body in bodies]
    assert at_once(*requests) == [201, *[409] * 5]
    assert len(api.items("/events")) == 1


@pytest.mark.usefixtures("slow_to_decide")
def test_of_those_who_delete_a_tag_at_once_one_does(api: Any) -> None:
    api.put("/tags/T", json={})
    assert at_once(*[lambda: api.delete("/tags/T")] * 6) == [204, *[404] * 5]


def test_stations_are_found_by_registration_and_vendor(api: Any, send: Any) -> None:
    send(BOOT, "CP1")
    send(BOOT, "CP2")
    send(HeartbeatRequest(), "CP3")
    api.patch("/stations/CP2", json={"registration": "blocked"})
    assert [item["charge_box_identity"] for item in api.items("/stations?vendor=ACME")] == ["CP1", "CP2"]
    assert [item["charge_box_identity"] for item in api.items("/stations?registration=blocked")] == ["CP2"]
    assert api.items("/stations?registration=blocked&vendor=other") == []


def test_a_station_can_be_made_known_before_it_speaks(api: Any) -> None:
    made = api.post("/stations", json={"charge_box_identity": "CP/9 ü", "registration": "blocked"})
    assert made.status_code == 201
    assert api.get("/stations/CP%2F9%20%C3%BC").json["registration"] == "blocked"
    assert api.post("/stations", json={"charge_box_identity": "CP/9 ü"}).status_code == 409


def test_a_change_says_only_what_changes(api: Any, send: Any) -> None:
    send(BOOT)
    api.patch("/stations/CP001", json={"set_url": "http://10.0.0.1/"})
    changed = api.patch("/stations/CP001", json={"heartbeat_interval": 60}).json
    assert (changed["set_url"], changed["heartbeat_interval"]) == ("http://10.0.0.1/", 60)
    changed = api.patch("/stations/CP001", json={"heartbeat_interval": None}).json
    assert (changed["set_url"], changed["heartbeat_interval"]) == ("http://10.0.0.1/", None)


def test_a_change_on_an_old_reading_is_refused(api: Any, send: Any) -> None:
    send(BOOT)
    tag = api.get("/stations/CP001").headers["ETag"]
    first = api.patch("/stations/CP001", json={"heartbeat_interval": 60}, headers={"If-Match": tag})
    assert first.status_code == 200
    late = api.patch("/stations/CP001", json={"heartbeat_interval": 70}, headers={"If-Match": tag})
    assert (late.status_code, late.content_type) == (412, "application/problem+json")
    assert api.get("/stations/CP001").json["heartbeat_interval"] == 60
    again = api.patch("/stations/CP001", json={"heartbeat_interval": 70}, headers={"If-Match": first.headers["ETag"]})
    assert again.status_code == 200


def test_what_was_read_already_is_not_sent_again(api: Any, send: Any) -> None:
    send(BOOT)
    tag = api.get("/stations/CP001").headers["ETag"]
    response = api.get("/stations/CP001", headers={"If-None-Match": tag})
    assert (response.status_code, response.text) == (304, "")


def test_a_station_that_was_heard_since_is_sent_again_and_can_still_be_changed(
    api: Any, send: Any, system: CentralSystem, noon: datetime
) -> None:
    send(BOOT, received_at=noon)
    system.contacts.flush()
    tag = api.get("/stations/CP001").headers["ETag"]
    send(HeartbeatRequest(), received_at=noon + timedelta(minutes=5))
    system.contacts.flush()
    response = api.get("/stations/CP001", headers={"If-None-Match": tag})
    assert (response.status_code, response.json["last_seen"]) == (200, "2026-01-05T12:05:00Z")
    assert api.get("/stations/CP001", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    changed = api.patch("/stations/CP001", json={"heartbeat_interval": 60}, headers={"If-Match": tag})
    assert changed.status_code == 200


def test_a_station_that_is_not_there_is_a_problem(api: Any) -> None:
    response = api.get("/stations/nobody")
    assert (response.status_code, response.content_type) == (404, "application/problem+json")
    assert response.json["detail"] == "There is no station nobody."
    assert api.patch("/stations/nobody", json={}).status_code == 404


def test_connectors_are_listed_of_one_station_or_by_status(api: Any, send: Any) -> None:
    send(status(1, ChargePointStatus.AVAILABLE))
    send(status(2, ChargePointStatus.FAULTED))
    send(status(2, ChargePointStatus.OCCUPIED), "CP002")
    send(status(2, ChargePointStatus.FAULTED), "CP002")

    def found(path: str) -> list[tuple[str, int, str]]:
        return [(item["charge_box_identity"], item["connector_id"], item["status"]) for item in api.items(path)]

    assert found("/connectors?charge_box_identity=CP001") == [("CP001", 1, "Available"), ("CP001", 2, "Faulted")]
    assert found("/connectors?status=Faulted") == [("CP001", 2, "Faulted"), ("CP002", 2, "Faulted")]
    assert found("/connectors?status=Faulted&charge_box_identity=CP002") == [("CP002", 2, "Faulted")]
    assert len(found("/connectors")) == 3


def test_the_history_of_a_connector_is_in_order_of_arrival(api: Any, send: Any) -> None:
    for value in (ChargePointStatus.AVAILABLE, ChargePointStatus.OCCUPIED, ChargePointStatus.AVAILABLE):
        send(status(1, value))
    send(status(2, ChargePointStatus.FAULTED))
    path = "/statuses?charge_box_identity=CP001&connector_id=1"
    assert [item["status"] for item in api.items(path)] == ["Available", "Occupied", "Available"]
    assert [item["status"] for item in api.items("/statuses?charge_box_identity=CP001&sort=-received_at&limit=1")] == [
        "Faulted"
    ]
