from __future__ import annotations

from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.tags import Tag


def test_a_tag_is_added_read_changed_and_removed(api: Any) -> None:
    added = api.put("/tags/04A2", json={"parent_id_tag": "FLEET", "expiry_date": "2030-01-01T00:00:00+01:00"})
    assert added.status_code == 201
    assert added.json["expiry_date"] == "2029-12-31T23:00:00Z"
    assert api.get("/tags/04a2").json == added.json
    changed = api.put("/tags/04A2", json={"status": "Blocked"})
    assert changed.status_code == 200
    assert (changed.json["status"], changed.json["parent_id_tag"]) == ("Blocked", None)
    assert changed.json["added_at"] == added.json["added_at"]
    assert api.delete("/tags/04A2").status_code == 204
    assert api.get("/tags/04A2").status_code == 404


def test_tags_are_found_by_status(api: Any) -> None:
    for name, status in (("a", "Accepted"), ("b", "Blocked"), ("c", "Accepted")):
        api.put(f"/tags/{name}", json={"status": status})
    assert [tag["id_tag"] for tag in api.items("/tags?status=Accepted")] == ["a", "c"]


def test_a_tag_is_not_overwritten_unseen(api: Any) -> None:
    tag = api.put("/tags/a", json={}).headers["ETag"]
    api.put("/tags/a", json={"max_concurrent": 2})
    assert api.put("/tags/a", json={"max_concurrent": 3}, headers={"If-Match": tag}).status_code == 412
    assert api.delete("/tags/a", headers={"If-Match": tag}).status_code == 412
    assert api.get("/tags/a").json["max_concurrent"] == 2


def test_a_tag_may_be_added_only_if_it_is_new(api: Any) -> None:
    assert api.put("/tags/a", json={"max_concurrent": 2}, headers={"If-None-Match": "*"}).status_code == 201
    again = api.put("/tags/A", json={}, headers={"If-None-Match": "*"})
    assert (again.status_code, again.content_type) == (412, "application/problem+json")
    assert api.delete("/tags/a", headers={"If-None-Match": "*"}).status_code == 412
    assert api.get("/tags/a").json["max_concurrent"] == 2


def test_a_tag_that_somebody_adds_in_the_same_moment_is_not_overwritten(
    api: Any, system: CentralSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.web.api.tags._stored", lambda id_tag: None)
    system.tags.add(Tag(id_tag="a", max_concurrent=2))
    assert api.put("/tags/a", json={}, headers={"If-None-Match": "*"}).status_code == 412
    kept = system.tags.get("a")
    assert kept is not None
    assert kept.max_concurrent == 2


def test_a_content_that_is_named_as_not_wanted_is_not_replaced(api: Any) -> None:
    tag = api.put("/tags/a", json={}).headers["ETag"]
    for named in (tag, f"W/{tag}", f'"x", {tag}'):
        assert api.put("/tags/a", json={}, headers={"If-None-Match": named}).status_code == 412
    assert api.put("/tags/a", json={}, headers={"If-None-Match": '"x"'}).status_code == 200
    assert api.put("/tags/b", json={}, headers={"If-None-Match": '"x"'}).status_code == 201


def test_a_read_with_the_etag_of_another_content_is_a_problem(api: Any) -> None:
    tag = api.put("/tags/a", json={}).headers["ETag"]
    assert api.get("/tags/a", headers={"If-Match": tag}).json["id_tag"] == "a"
    response = api.get("/tags/a", headers={"If-Match": '"x"'})
    assert (response.status_code, response.content_type) == (412, "application/problem+json")
    assert response.json["status"] == 412


def test_a_read_with_a_star_in_if_match_is_one_of_any_content(api: Any) -> None:
    assert api.get("/tags/a", headers={"If-Match": "*"}).status_code == 404
    tag = api.put("/tags/a", json={}).headers["ETag"]
    assert api.get("/tags/a", headers={"If-Match": "*"}).json["id_tag"] == "a"
    assert api.get("/tags/a", headers={"If-Match": "*", "If-None-Match": tag}).status_code == 304


def test_if_match_of_a_tag_that_is_not_there_fails(api: Any) -> None:
    assert api.put("/tags/a", json={}, headers={"If-Match": "*"}).status_code == 412
    assert api.put("/tags/a", json={}).status_code == 201
    assert api.put("/tags/a", json={}, headers={"If-Match": "*"}).status_code == 200


def test_a_tag_removed_and_made_anew_is_another(api: Any) -> None:
    tag = api.put("/tags/a", json={}).headers["ETag"]
    api.delete("/tags/a")
    api.put("/tags/a", json={"status": "Blocked"})
    assert api.delete("/tags/a", headers={"If-Match": tag}).status_code == 412


def test_values_that_cannot_be_are_named(api: Any) -> None:
    response = api.put("/tags/a", json={"status": "Expired", "max_concurrent": -1, "colour": "red"})
    assert response.status_code == 422
    assert set(response.json["errors"]["json"]) == {"status", "max_concurrent", "colour"}
    assert api.put("/tags/a", json={"expiry_date": "2030-01-01T00:00:00"}).status_code == 422
    assert api.put("/tags/%20", json={}).json["detail"] == "an idTag must not be empty"


def test_a_body_that_is_no_json_is_a_problem(api: Any) -> None:
    response = api.put("/tags/a", data="{", content_type="application/json")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")


def test_null_is_no_body_so_a_blocked_tag_stays_blocked(api: Any) -> None:
    api.put("/tags/a", json={"status": "Blocked"})
    response = api.put("/tags/a", data="null", content_type="application/json")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert "a JSON object" in response.json["detail"]
    assert api.get("/tags/a").json["status"] == "Blocked"


@pytest.mark.parametrize("levels", [51, 980, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "1}")], ids=["lists", "objects"])
def test_so_is_one_that_is_nested_too_deeply(
    api: Any, system: CentralSystem, opening: str, closing: str, levels: int
) -> None:
    body = opening * levels + closing[:-1] + closing[-1] * levels
    response = api.put("/tags/a", data=body, content_type="application/json")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert "50 levels" in response.json["detail"]
    (entry,) = system.audit.list().items
    assert (entry.target, entry.status, entry.data) == ("/tags/a", 400, {})


@pytest.mark.parametrize("limit", [99, 100, 101, 240, 250, 1000])
def test_a_page_may_be_longer_than_what_is_read_at_once(api: Any, system: CentralSystem, limit: int) -> None:
    names = [f"tag{number:03}" for number in range(250)]
    for name in names:
        system.tags.add(Tag(id_tag=name))
    page = api.get(f"/tags?limit={limit}").json
    assert [tag["id_tag"] for tag in page["items"]] == names[:limit]
    assert (page["next"] is None) == (limit >= 250)
    rest = api.get(f"/tags?limit=1000&after={page['next']}").json["items"] if page["next"] else []
    assert [tag["id_tag"] for tag in page["items"] + rest] == names


def test_the_next_of_another_list_or_filter_is_a_problem(api: Any) -> None:
    for number in range(3):
        api.post("/stations", json={"charge_box_identity": f"CP{number}"})
        api.put(f"/tags/T{number}", json={})
    of_stations = api.get("/stations?limit=1").json["next"]
    of_accepted = api.get("/tags?limit=1&status=Accepted").json["next"]
    for path in (
        f"/tags?after={of_stations}",
        f"/tags?after={of_accepted}",
        f"/tags?status=Blocked&after={of_accepted}",
    ):
        answer = api.get(path)
        assert (answer.status_code, answer.mimetype) == (422, "application/problem+json"), path
        assert answer.json["detail"].startswith("after: ")
    assert len(api.items(f"/tags?status=Accepted&after={of_accepted}")) == 2
