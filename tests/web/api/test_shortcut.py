"""Reads that are answered without Flask around them: the same answers, and who is told of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.tags import Tag
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.messages import (
    BootNotificationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    StartTransactionRequest,
    StatusNotificationRequest,
)
from ocpp_soap.web.api.app import create
from ocpp_soap.web.api.shortcut import Shortcut

READS = [
    "/stations",
    "/stations?vendor=Acme&limit=1",
    "/stations/CP001",
    "/connectors",
    "/connectors?charge_box_identity=CP001",
    "/tags",
    "/tags/t1",
    "/transactions",
    "/transactions?state=open&sort=-begun_at",
    "/transactions/1",
    "/events?limit=2",
    "/commands",
    "/labels/berlin",
    "/firmware",
    "/audit",
    "/keys",
]


class Told:
    """The requests that an observer was told of."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int]] = []

    def __call__(self, operation: str, method: str, status: int, seconds: float) -> None:
        assert 0 <= seconds < 60
        self.requests.append((operation, method, status))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def short(system: CentralSystem, told: Told) -> Shortcut:
    return create(system, told)


@pytest.fixture
def whole(short: Shortcut) -> Iterator[FlaskClient]:
    """Asks Flask itself."""
    with short._app.test_client() as client:
        yield client


@pytest.fixture
def fleet(system: CentralSystem, send: Callable[..., Any], noon: Any) -> CentralSystem:
    send(BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="é"), peer="192.0.2.1")
    status = StatusNotificationRequest(
        connector_id=1, status=ChargePointStatus.FAULTED, error_code=ChargePointErrorCode.GROUND_FAILURE
    )
    send(status)
    send(StartTransactionRequest(connector_id=1, id_tag="T1", timestamp=noon, meter_start=5))
    system.tags.add(Tag(id_tag="T1", expiry_date=noon + timedelta(microseconds=5)))
    system.labels.add("berlin", ["CP001"])
    return system


def ask(application: Any, path: str, headers: dict[str, str], method: str = "GET") -> tuple[str, dict[str, str], bytes]:
    place, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": f"/api/v1{place}", "QUERY_STRING": query, "SERVER_NAME": "x",
        "SERVER_PORT": "80", "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "wsgi.input": io.BytesIO(),
        **headers,
    }  # fmt: skip
    started: list[Any] = []
    body = b"".join(application(environ, lambda status, headers, _=None: started.append((status, headers))))
    status, headers_sent = started[0]
    assert len(dict(headers_sent)) == len(headers_sent), f"a header is there twice: {headers_sent}"
    return status, dict(headers_sent), body


@pytest.fixture
def key(system: CentralSystem) -> dict[str, str]:
    from ocpp_soap.central_system.api_keys import Role

    return {"HTTP_AUTHORIZATION": f"Bearer {system.api_keys.add('admin', Role.ADMIN)[1]}"}


def without_flask(short: Shortcut, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("this went through Flask")

    monkeypatch.setattr(short, "_app", _Without(short._app, refuse))


class _Without:
    """The Flask application, but not as a WSGI application."""

    def __init__(self, app: Any, call: Callable[..., Any]) -> None:
        self._app = app
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_of_what_if_match_does_not_name_is_refused(fleet: Any, short: Shortcut, key: Any, method: str) -> None:
    status, _, _ = ask(short, "/tags/T1", {**key, "HTTP_IF_MATCH": '"another"'}, method)
    assert status == "412 PRECONDITION FAILED"


@pytest.mark.parametrize("path", READS)
def test_a_read_is_answered_as_flask_would(
    path: str, fleet: Any, short: Shortcut, whole: FlaskClient, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_flask = whole.get(f"/api/v1{path}", environ_base=key)
    without_flask(short, monkeypatch)
    status, headers, body = ask(short, path, key)
    assert (status, headers["Content-Type"]) == (by_flask.status, by_flask.content_type)
    assert headers.get("ETag") == by_flask.headers.get("ETag")
    assert headers["Content-Length"] == str(len(body))
    assert json.loads(body) == by_flask.json
    assert json.loads(body)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stations/nobody", 404),
        ("/nothing", 404),
        ("/stations?wrong=1", 422),
        ("/stations?limit=1&limit=2", 200),
        ("/stations?vendor=%FF", 200),
        ("/stations?format=csv", 200),
        ("/stations?format=jsonl", 200),
        ("/meter-values", 422),
        ("/transactions?after=x", 422),
    ],
)
def test_the_rest_goes_the_whole_way(path: str, status: int, fleet: Any, short: Any, whole: Any, key: Any) -> None:
    by_flask = whole.get(f"/api/v1{path}", environ_base=key)
    found, headers, body = ask(short, path, key)
    assert (int(found[:3]), int(found[:3]), body) == (status, by_flask.status_code, by_flask.data)
    assert headers["Content-Type"] == by_flask.content_type


def test_without_a_key_nothing_is_read(fleet: Any, short: Shortcut) -> None:
    assert ask(short, "/stations", {})[0] == "401 UNAUTHORIZED"


def test_a_role_that_may_not_reads_nothing(fleet: CentralSystem, short: Shortcut) -> None:
    from ocpp_soap.central_system.api_keys import Role

    token = fleet.api_keys.add("reader", Role.READ)[1]
    assert ask(short, "/keys", {"HTTP_AUTHORIZATION": f"Bearer {token}"})[0] == "403 FORBIDDEN"


def test_what_was_not_changed_is_not_sent_again(fleet: Any, short: Shortcut, key: Any) -> None:
    tag = ask(short, "/tags/t1", key)[1]["ETag"]
    status, _, body = ask(short, "/tags/t1", {**key, "HTTP_IF_NONE_MATCH": tag})
    assert (status, body) == ("304 NOT MODIFIED", b"")


def test_every_request_is_told_of_once(fleet: Any, short: Shortcut, told: Told, key: Any) -> None:
    for path in ("/stations", "/stations/nobody", "/stations?format=csv"):
        ask(short, path, key)
    ask(short, "/stations", {})
    ask(short, "/tags/t1", key, method="DELETE")
    assert told.requests == [
        ("list_stations", "GET", 200),
        ("get_station", "GET", 404),
        ("list_stations", "GET", 200),
        ("list_stations", "GET", 401),
        ("delete_tag", "DELETE", 204),
    ]


def test_a_store_that_does_not_answer_is_asked_once(
    fleet: CentralSystem, short: Shortcut, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def get(*arguments: Any) -> None:
        asked.append(arguments)
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(fleet.store, "get", get)
    status, headers, body = ask(short, "/stations/CP001", key)
    assert (status, headers["Content-Type"]) == ("503 SERVICE UNAVAILABLE", "application/problem+json")
    assert (headers["Retry-After"], json.loads(body)["detail"]) == ("5", "The store cannot answer now.")
    assert len(asked) == 1


def test_every_part_has_a_short_way(short: Shortcut) -> None:
    assert {view.blueprint for view in short._views.values()} >= {"stations", "tags", "transactions", "commands"}
