"""Reservations, local lists and configurations, with a station that answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.messages import (
    CancelReservationResponse,
    CancelReservationStatus,
    ChangeConfigurationResponse,
    ConfigurationStatus,
    GetLocalListVersionResponse,
    HeartbeatRequest,
    ReservationStatus,
    ReserveNowResponse,
    Role,
    SendLocalListResponse,
    UpdateStatus,
)
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings

LATER = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
RESERVATION = {"charge_box_identity": "CP001", "connector_id": 1, "id_tag": "04A2", "expiry_date": LATER}


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def settings(settings: Any) -> Any:
    from ipaddress import ip_network

    calls = settings.calls.model_copy(update={"allowed_networks": [ip_network("127.0.0.0/8")], "timeout": 5})
    return settings.model_copy(update={"calls": calls})


@pytest.fixture
def station(settings: Any, send: Any) -> Iterator[dict[str, Any]]:
    """CP001, which answers as the dictionary says, by action."""
    answers: dict[str, Any] = {
        "ReserveNow": ReserveNowResponse(status=ReservationStatus.ACCEPTED),
        "CancelReservation": CancelReservationResponse(status=CancelReservationStatus.ACCEPTED),
        "GetLocalListVersion": GetLocalListVersionResponse(list_version=0),
        "SendLocalList": SendLocalListResponse(status=UpdateStatus.ACCEPTED),
        "ChangeConfiguration": ChangeConfigurationResponse(status=ConfigurationStatus.ACCEPTED),
    }
    service = SoapServer(
        Role.CHARGE_POINT, lambda call: answers[call.action.name], server_settings(settings, Role.CHARGE_POINT)
    )
    served = make_server("127.0.0.1", 0, service, handler_class=_Silent)
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    send(HeartbeatRequest(), callback_url=f"http://127.0.0.1:{served.server_port}/Ocpp/ChargePointService")
    yield answers
    served.shutdown()
    served.server_close()
    thread.join()


def test_a_reservation_is_made_and_cancelled(api: Any, station: Any) -> None:
    made = api.as_("operate").post("/reservations", json=RESERVATION)
    assert (made.status_code, made.json["state"], made.json["status"]) == (201, "accepted", "Accepted")
    assert made.json["created_by"] == "key:operate key"
    path = f"/reservations/{made.json['reservation_id']}"
    assert api.get(path).json == made.json
    assert api.items("/reservations?charge_box_identity=CP001&state=accepted") == [made.json]
    assert api.post(f"{path}/cancel").json["state"] == "cancelled"
    assert api.items("/reservations?state=accepted") == []


def test_what_the_station_refuses_is_no_error(api: Any, station: dict[str, Any]) -> None:
    station["ReserveNow"] = ReserveNowResponse(status=ReservationStatus.OCCUPIED)
    made = api.post("/reservations", json=RESERVATION)
    assert (made.status_code, made.json["state"], made.json["status"]) == (201, "refused", "Occupied")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"expiry_date": "2020-01-01T00:00:00Z"}, 422),
        ({"connector_id": -1}, 422),
        ({"charge_box_identity": "nobody"}, 404),
        ({"id_tag": "x" * 21}, 422),
    ],
)
def test_a_reservation_that_cannot_be_is_a_problem(api: Any, station: Any, change: dict[str, Any], status: int) -> None:
    assert api.post("/reservations", json={**RESERVATION, **change}).status_code == status


def test_two_on_one_connector_are_refused(api: Any, station: Any) -> None:
    assert api.post("/reservations", json=RESERVATION).status_code == 201
    second = api.post("/reservations", json=RESERVATION)
    assert (second.status_code, second.content_type) == (422, "application/problem+json")


@pytest.mark.parametrize(("url", "status"), [("", 409), ("http://127.0.0.1:1/", 424)])
def test_a_station_that_cannot_be_asked_is_a_problem(api: Any, send: Any, url: str, status: int) -> None:
    send(HeartbeatRequest(), callback_url=url)
    response = api.post("/reservations", json=RESERVATION)
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert "CP001" in response.json["detail"]


def test_a_list_is_made_equal_to_the_tags(api: Any, station: Any) -> None:
    for tag in ("a", "b"):
        api.put(f"/tags/{tag}", json={})
    assert api.get("/list-difference?charge_box_identity=CP001").json == {
        "added": ["a", "b"],
        "changed": [],
        "removed": [],
    }
    assert api.get("/lists/CP001").status_code == 404
    synced = api.post("/lists/sync", json={"charge_box_identity": "CP001"}).json
    assert (synced["state"], synced["entries"], synced["version"]) == ("in_sync", 2, 1)
    assert api.items("/lists?state=in_sync") == [synced]
    assert api.get("/list-difference?charge_box_identity=CP001").json["added"] == []
    assert api.post("/lists/sync", json={"charge_box_identity": "nobody"}).status_code == 404


def test_a_configuration_is_compared_with_a_template(api: Any, station: Any) -> None:
    assert api.get("/configurations/CP001").status_code == 404
    body = {"charge_box_identity": "CP001", "keys": {"HeartBeatInterval": "300"}}
    difference = api.post("/configurations/difference", json=body).json["items"]
    assert difference == [{"key": "HeartBeatInterval", "value": None, "wanted": "300", "obstacle": ""}]
    change = {"action": "ChangeConfiguration", "payload": {"key": "HeartBeatInterval", "value": "300"}}
    api.post("/commands", json={**change, "charge_box_identities": ["CP001"]})
    give_up = time.monotonic() + 20
    while api.get("/configurations/CP001").status_code == 404:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    assert api.get("/configurations/CP001").json["keys"]["HeartBeatInterval"]["value"] == "300"
    assert api.post("/configurations/difference", json=body).json["items"] == []
    assert len(api.items("/configurations")) == 1


def test_nobody_learns_the_secrets_of_a_station(api: Any, send: Any, system: CentralSystem) -> None:
    send(HeartbeatRequest())
    now = datetime.now(timezone.utc)
    changed = Command(
        command_id=1,
        charge_box_identity="CP001",
        action="ChangeConfiguration",
        payload={"key": "AuthorizationKey", "value": "hunter2"},
        state="done",
        created_at=now,
        deadline=now,
        max_attempts=1,
        answer={"status": "Accepted"},
        closed_at=now,
    )
    system.command_queue.tell(changed)
    system.command_queue.tell(replace(changed, state="failed", reason="refused: no way to ftp://bob:hunter2@host/"))
    template = {"charge_box_identity": "CP001", "keys": {"AuthorizationKey": "other"}}
    told = [api.post("/configurations/difference", json=template)]
    paths = ("/configurations/CP001", "/configurations", "/configurations?format=csv", "/events")
    told += [api.get(path) for path in paths]
    for answer in told:
        assert answer.status_code == 200
        assert "AuthorizationKey" in answer.text
        assert "hunter2" not in answer.text
