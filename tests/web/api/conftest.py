"""The REST API on a file store of its own, through the web application, and stations that send it messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.api_keys import Role
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import ACTIONS, Version
from ocpp_soap.messages import Role as Side
from ocpp_soap.web.app import Application, central_system_application

NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
ACTION_OF = {action.request: action for action in ACTIONS if action.receiver is Side.CENTRAL_SYSTEM}


class Api:
    """A client with one key of each role; ``get`` and its kin are those of the key of that role."""

    def __init__(self, application: Application, tokens: dict[str, str], role: str) -> None:
        self._application = application
        self._tokens = tokens
        self._role = role

    def as_(self, role: str) -> Api:
        return Api(self._application, self._tokens, role)

    def request(self, method: str, path: str, **values: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self._tokens[self._role]}", **values.pop("headers", {})}
        address = {"REMOTE_ADDR": values.pop("address", "127.0.0.1")}
        client = Client(self._application)
        return client.open(f"/api/v1{path}", method=method, headers=headers, environ_base=address, **values)

    def get(self, path: str, **values: Any) -> TestResponse:
        return self.request("GET", path, **values)

    def items(self, path: str) -> list[Any]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        found: list[Any] = json.loads(response.text)["items"]
        return found

    def put(self, path: str, **values: Any) -> TestResponse:
        return self.request("PUT", path, **values)

    def post(self, path: str, **values: Any) -> TestResponse:
        return self.request("POST", path, **values)

    def patch(self, path: str, **values: Any) -> TestResponse:
        return self.request("PATCH", path, **values)

    def delete(self, path: str, **values: Any) -> TestResponse:
        return self.request("DELETE", path, **values)


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    return config.load(
        None,
        {
            "OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "store.sqlite"),
            "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept",
            "OCPP_SOAP__AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS": "0",
            "OCPP_SOAP__METRICS__FOLDER": str(tmp_path / "metrics"),
            "OCPP_SOAP__EVENTS__RETENTION_DAYS": "36500",  # what is sent here happens in NOON's year
        },
    )


@pytest.fixture
def application(settings: config.Settings) -> Iterator[Application]:
    application = central_system_application(settings)
    yield application
    application.close()


@pytest.fixture
def system(settings: config.Settings, application: Application) -> Iterator[CentralSystem]:
    """Another central system on the same store, as the command line would have it."""
    with CentralSystem.open(settings) as system:
        yield system


@pytest.fixture
def api(application: Application, system: CentralSystem) -> Api:
    tokens = {role.value: system.api_keys.add(f"{role.value} key", role)[1] for role in Role}
    return Api(application, tokens, "admin")


@pytest.fixture
def send(system: CentralSystem) -> Callable[..., Any]:
    """Send a request as CP001 (or another station) and get the response."""
    clock = iter(range(100_000))

    def send_it(request: Any, identity: str = "CP001", version: Version = Version.V15, **values: Any) -> Any:
        values.setdefault("received_at", NOON + timedelta(seconds=next(clock)))
        action = ACTION_OF[type(request)]
        call = Call(charge_box_identity=identity, version=version, action=action, request=request, **values)
        return system.receive(call)

    return send_it


@pytest.fixture
def noon() -> datetime:
    return NOON
