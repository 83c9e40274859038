from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.api_keys import Role
from ocpp_soap.central_system.tags import Tag
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.web.api.problems import Problem


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic dXNlcjpwYXNz", "Bearer osk_a_b"])
def test_without_a_key_there_is_no_api(application: Any, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = Client(application).get("/api/v1/stations", headers=headers)
    assert (response.status_code, response.content_type) == (401, "application/problem+json")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_description_needs_no_key(application: Any) -> None:
    client = Client(application)
    for path in ("/api/v1/openapi.json", "/api/v1/docs", "/api/v1/docs/swagger-ui-bundle.js", "/api/v1/docs/start.js"):
        assert client.get(path).status_code == 200
    assert client.get("/api/v1/docs/../openapi.json").status_code == 401
    assert client.get("/api/v1/docs/other.js").status_code == 404


@pytest.mark.parametrize(
    ("role", "read", "change", "keys"), [("read", 200, 403, 403), ("operate", 200, 201, 403), ("admin", 200, 201, 200)]
)
def test_each_role_may_do_what_it_says(api: Any, role: str, read: int, change: int, keys: int) -> None:
    client = api.as_(role)
    assert client.get("/tags").status_code == read
    assert client.put("/tags/a", json={}).status_code == change
    assert client.get("/keys").status_code == keys


def test_a_key_of_another_network_is_none(api: Any, system: CentralSystem, application: Any) -> None:
    _, token = system.api_keys.add("local", Role.READ, networks=["127.0.0.0/8"])
    client = Client(application)

    def status(address: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/api/v1/tags", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    assert (status("127.0.0.1"), status("192.0.2.1")) == (200, 401)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("1" * 30, "1" * 30),
        ('"\\ud800"', r"'\ud800'"),
        ("[9223372036854775808]", "[9223372036854775808]"),
        ("9223372036854775807", 9223372036854775807),
        ("-1e400", "-inf"),
        ('{"a": NaN}', "{'a': nan}"),
        ('{"\\ud800": 1}', r"{'\ud800': 1}"),
    ],
)
def test_a_change_is_in_the_audit_trail_also_with_values_that_not_every_store_holds(
    api: Any, value: str, kept: object
) -> None:
    body = f'{{"add": [], "more": {value}}}'
    assert api.post("/labels/berlin", data=body, content_type="application/json").status_code == 422
    entry = api.items("/audit")[0]
    assert (entry["actor"], entry["target"], entry["status"]) == ("key:admin key", "/labels/berlin", 422)
    assert entry["data"] == {"add": [], "more": kept}


def test_every_change_is_in_the_audit_trail_with_who_and_what(api: Any) -> None:
    api.as_("operate").put("/tags/a", json={"status": "Blocked"}, address="127.0.0.9")
    api.as_("operate").delete("/tags/nobody")
    api.as_("read").put("/tags/b", json={})
    api.get("/tags")
    trail = api.items("/audit")
    assert [(entry["actor"], entry["action"], entry["target"], entry["status"]) for entry in trail] == [
        ("key:operate key", "PUT", "/tags/a", 201),
        ("key:operate key", "DELETE", "/tags/nobody", 404),
        ("key:read key", "PUT", "/tags/b", 403),
    ]
    assert (trail[0]["address"], trail[0]["data"]) == ("127.0.0.9", {"status": "Blocked"})
    assert [entry["target"] for entry in api.items("/audit?target=/tags/a")] == ["/tags/a"]
    assert len(api.items("/audit?actor=key:operate%20key")) == 2


def test_a_key_is_made_used_and_revoked(api: Any, application: Any) -> None:
    made = api.post("/keys", json={"name": "grafana", "role": "read"})
    assert made.status_code == 201
    token, key_id = made.json["token"], made.json["key"]["key_id"]
    headers = {"Authorization": f"Bearer {token}"}
    assert Client(application).get("/api/v1/tags", headers=headers).status_code == 200
    assert api.delete(f"/keys/{key_id}").status_code == 200
    assert Client(application).get("/api/v1/tags", headers=headers).status_code == 401
    assert token not in str(api.items("/keys"))
    assert api.delete("/keys/nobody").status_code == 404
    assert api.post("/keys", json={"name": " ", "role": "read"}).status_code == 422
    assert api.post("/keys", json={"name": "x", "networks": ["here"]}).status_code == 422


def test_a_store_that_is_down_is_503_with_retry_after(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("ocpp_soap.central_system.tags.Tags.list", gone)
        response = api.get("/tags")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "disk" not in response.text


def test_a_bug_is_a_problem_with_a_reference_and_no_traceback(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patched:
        patched.setattr("ocpp_soap.central_system.tags.Tags.list", broken)
        response = api.get("/tags")
    assert (response.status_code, response.content_type) == (500, "application/problem+json")
    assert "secret detail" not in response.text


def test_a_body_that_is_too_large_is_refused(api: Any) -> None:
    assert api.put("/tags/a", data=b" " * 1_100_000, content_type="application/json").status_code == 413


def test_a_stream_ends_when_its_key_is_revoked(api: Any, system: CentralSystem) -> None:
    response = api.get("/events", headers={"Accept": "text/event-stream"}, buffered=False)
    lines = iter(response.response)
    assert next(lines).startswith(b"retry")
    for key in system.api_keys.list().items:
        system.api_keys.revoke(key.key_id)
    system.events.add("a.b")
    assert list(lines) == []


def test_an_export_is_cut_when_its_key_is_revoked(
    api: Any, system: CentralSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.web.api.listing.PAGE", 2)
    for number in range(5):
        system.tags.add(Tag(id_tag=f"T{number}"))
    lines = iter(api.get("/tags?format=jsonl", buffered=False).response)
    assert b"T0" in next(lines)
    for key in system.api_keys.list().items:
        system.api_keys.revoke(key.key_id)
    assert b"T1" in next(lines)
    with pytest.raises(Problem, match="revoked"):
        next(lines)


@pytest.mark.parametrize("more", [1, 2**70])
def test_no_secret_of_a_body_is_in_the_audit_trail_at_any_depth(api: Any, more: int) -> None:
    body = {
        "action": "GetDiagnostics",
        "payload": {"location": "ftp://bob:hunter2@host/", "deep": [{"password": "swordfish"}]},
        "more": more,
    }
    api.post("/commands", json=body)
    trail = api.get("/audit").text
    assert "ftp://bob:…@host/" in trail
    assert "hunter2" not in trail
    assert "swordfish" not in trail
