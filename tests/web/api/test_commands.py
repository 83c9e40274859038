from __future__ import annotations

from typing import Any

import pytest

from ocpp_soap.errors import DocumentTooLarge
from ocpp_soap.messages import HeartbeatRequest
from ocpp_soap.storage.file import FileStorage

START = {"action": "RemoteStartTransaction", "payload": {"id_tag": "04A2", "connector_id": 1}}


def test_a_command_is_stored_for_each_station(api: Any, send: Any) -> None:
    for identity in ("CP1", "CP2"):
        send(HeartbeatRequest(), identity)
    body = {**START, "charge_box_identities": ["CP1", "CP2"], "deliver": "on_next_contact"}
    made = api.as_("operate").post("/commands", json=body)
    assert made.status_code == 202
    commands = made.json["items"]
    assert [command["charge_box_identity"] for command in commands] == ["CP1", "CP2"]
    assert commands[0]["payload"] == {"id_tag": "04A2", "connector_id": 1}
    assert commands[0]["created_by"] == "key:operate key"
    assert api.get(f"/commands/{commands[1]['command_id']}").json["action"] == "RemoteStartTransaction"
    assert len(api.items(f"/commands?batch_id={commands[0]['batch_id']}")) == 2
    assert [
        item["charge_box_identity"] for item in api.items("/commands?sort=-created_at&charge_box_identity=CP2")
    ] == ["CP2"]


def test_a_command_that_the_store_cannot_hold_is_not_to_be_asked_for_again(
    api: Any, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cloud Firestore holds 1 MiB in a document."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise DocumentTooLarge("commands: the document '0000000001' has 1100000 bytes")

    send(HeartbeatRequest())
    monkeypatch.setattr(FileStorage, "_change", refuse)
    answer = api.post("/commands", json={**START, "charge_box_identities": ["CP001"]})
    assert (answer.status_code, answer.json["detail"]) == (
        422,
        "commands: the document '0000000001' has 1100000 bytes",
    )
    assert "Retry-After" not in answer.headers


def test_a_command_is_for_the_stations_that_meet_conditions(api: Any, send: Any) -> None:
    for identity in ("CP1", "CP2", "XX1"):
        send(HeartbeatRequest(), identity)
    assert api.post("/labels/berlin", json={"add": ["CP2", "XX1"]}).json["charge_box_identities"] == ["CP2", "XX1"]

    def made_for(**chosen: Any) -> list[str]:
        made = api.post("/commands", json={**START, "deliver": "on_next_contact", **chosen})
        assert made.status_code == 202, made.text
        return [command["charge_box_identity"] for command in made.json["items"]]

    assert made_for(where=["id=CP*"]) == ["CP1", "CP2"]
    assert made_for(where=["label=berlin"], charge_box_identities=["CP1"]) == ["CP1", "CP2", "XX1"]
    assert made_for(where=["label=berlin", "id=CP*"]) == ["CP2"]
    assert made_for(where=["id=CP*", "id=*1"]) == ["CP1"]
    api.post("/labels/beta", json={"add": ["CP1", "CP2"]})
    assert made_for(where=["label=berlin", "label=beta"]) == ["CP2"]
    assert api.post("/labels/berlin", json={"remove": ["CP2"]}).json["charge_box_identities"] == ["XX1"]
    for wrong in (["id=ZZ*"], ["colour=red"], ["id"]):
        assert api.post("/commands", json={**START, "where": wrong}).status_code == 422
    assert api.post("/labels/a%20b", json={"add": ["CP1"]}).status_code == 422


def test_a_command_is_withdrawn(api: Any, send: Any) -> None:
    send(HeartbeatRequest())
    body = {**START, "charge_box_identities": ["CP001"], "deliver": "on_next_contact"}
    number = api.post("/commands", json=body).json["items"][0]["command_id"]
    cancelled = api.post(f"/commands/{number}/cancel")
    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    assert "admin key" in cancelled.json["reason"]
    assert [event["kind"] for event in api.items("/events?charge_box_identity=CP001&kinds=command.cancelled")] == [
        "command.cancelled"
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"action": "Dance"}, 422),
        ({"payload": {"id_tag": 5}}, 422),
        ({"payload": {}}, 422),
        ({"payload": {"id_tag": "\ud800"}}, 422),
        ({"charge_box_identities": []}, 422),
        ({"charge_box_identities": ["nobody"]}, 404),
        ({"deadline": "2030-01-01T00:00:00"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_a_command_that_cannot_be_is_a_problem(api: Any, send: Any, change: dict[str, Any], status: int) -> None:
    send(HeartbeatRequest())
    response = api.post("/commands", json={**START, "charge_box_identities": ["CP001"], **change})
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    assert api.items("/commands") == []


@pytest.mark.parametrize("path", ["/commands/1", "/commands/99999999999999999999"])
def test_a_command_that_is_not_there_is_a_problem(api: Any, path: str) -> None:
    assert api.get(path).status_code == 404
    assert api.post(f"{path}/cancel").status_code == 404
