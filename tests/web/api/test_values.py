"""Texts and times that no store can hold are refused by their name."""

from __future__ import annotations

from typing import Any

import pytest

HALF = "\ud800"
COMMAND = {"action": "ClearCache", "charge_box_identities": ["CP001"]}
BEYOND = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize("time", BEYOND)
@pytest.mark.parametrize("format", ["json", "csv", "jsonl"])
@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("path", ["/transactions", "/messages"])
def test_a_time_that_utc_does_not_have_is_a_problem(api: Any, path: str, name: str, format: str, time: str) -> None:
    answer = api.get(path, query_string={name: time, "format": format})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["errors"] == {"query": {name: ["Input should be a time of the years 1 to 9999 in UTC"]}}


@pytest.mark.parametrize("time", BEYOND)
def test_so_it_is_in_a_body(api: Any, time: str) -> None:
    assert "expiry_date" in api.put("/tags/T", json={"expiry_date": time}).json["errors"]["json"]
    assert "deadline" in api.post("/commands", json={**COMMAND, "deadline": time}).json["errors"]["json"]


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/webhooks", {"url": "http://127.0.0.1:1/hook", "kinds": [HALF]}, "kinds.0"),
        ("/webhooks", {"url": f"http://127.0.0.1:1/{HALF}"}, "url"),
        ("/keys", {"name": "x", "networks": [HALF]}, "networks.0"),
        ("/keys", {"name": HALF}, "name"),
        ("/labels/x", {"add": [HALF]}, "add.0"),
        ("/commands", {**COMMAND, "charge_box_identities": ["CP001", HALF]}, "charge_box_identities.1"),
        ("/commands", {"action": "ClearCache", "where": [f"label={HALF}"]}, "where.0"),
        ("/configurations/difference", {"charge_box_identity": "CP001", "keys": {"K": HALF}}, "keys.K"),
    ],
)
def test_half_of_a_surrogate_pair_is_no_text(api: Any, path: str, body: Any, name: str) -> None:
    answer = api.post(path, json=body)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert list(answer.json["errors"]["json"]) == [name]
