from __future__ import annotations

from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.webhooks import Webhook

HOOK = {"url": "http://127.0.0.1:1/hook", "kinds": ["transaction.started"]}


def test_a_webhook_is_made_paused_and_removed(api: Any) -> None:
    made = api.post("/webhooks", json=HOOK)
    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    webhook = made.json["webhook"]
    assert webhook["created_by"] == "key:admin key"
    assert api.items("/webhooks") == [webhook]
    assert "whsec_" not in api.get(f"/webhooks/{webhook['webhook_id']}").text
    assert api.patch(f"/webhooks/{webhook['webhook_id']}", json={"is_active": False}).json["is_active"] is False
    assert api.delete(f"/webhooks/{webhook['webhook_id']}").status_code == 204
    assert api.items("/webhooks") == []


def test_its_secret_is_not_in_the_audit_trail(api: Any) -> None:
    secret = api.post("/webhooks", json=HOOK).json["secret"]
    assert api.items("/audit")[0]["data"] == HOOK
    assert secret not in api.get("/audit").text


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com/", "http://", "javascript:alert(1)", "http://a b/", "http://a..b/x", "http://h:99999/"],
)
def test_a_url_that_is_none_is_a_problem(api: Any, url: str) -> None:
    assert api.post("/webhooks", json={"url": url}).status_code == 422


def test_dead_letters_are_listed_and_sent_again(api: Any, system: CentralSystem) -> None:
    webhook_id = api.post("/webhooks", json=HOOK).json["webhook"]["webhook_id"]
    webhook = system.webhooks.get(webhook_id)
    assert webhook is not None
    put_aside(system, webhook, "one")
    letters = api.items(f"/dead-letters?webhook_id={webhook_id}")
    assert [(letter["event"]["event_id"], letter["error"]) for letter in letters] == [("one", "answered 500")]
    path = f"/dead-letters/{letters[0]['letter_id']}"
    assert api.post(f"{path}/redeliver").json == {
        "is_delivered": False,
        "error": "cannot be reached: connection refused",
    }
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404
    assert api.post(f"{path}/redeliver").status_code == 404


def put_aside(system: CentralSystem, webhook: Webhook, name: str) -> None:
    system.events.add("transaction.started", "CP1", key=name, meter_start=5)
    event = system.events.get(name)
    assert event is not None
    system.webhooks.put_aside(webhook, event, "answered 500")


def test_dead_letters_are_sorted_by_the_time_they_were_put_aside(api: Any, system: CentralSystem) -> None:
    webhook_id = api.post("/webhooks", json=HOOK).json["webhook"]["webhook_id"]
    webhook = system.webhooks.get(webhook_id)
    assert webhook is not None
    for name in ("one", "two", "three"):
        put_aside(system, webhook, name)
    for sort, names in (("failed_at", ["one", "two", "three"]), ("-failed_at", ["three", "two", "one"])):
        letters = api.items(f"/dead-letters?webhook_id={webhook_id}&sort={sort}")
        assert [letter["event"]["event_id"] for letter in letters] == names


def test_webhooks_are_for_admins(api: Any) -> None:
    assert api.as_("operate").get("/webhooks").status_code == 403
    assert api.as_("operate").post("/webhooks", json=HOOK).status_code == 403
