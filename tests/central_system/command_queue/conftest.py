"""A central system that delivers commands over HTTP to stations that keep what they receive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.charge_point.listener import Listener
from ocpp_soap.config import load
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import (
    HeartbeatRequest,
    ResetResponse,
    ResetStatus,
    Role,
    UnlockConnectorResponse,
    UnlockStatus,
    Version,
)
from ocpp_soap.soap.settings import server_settings

QUICK = {
    "CALLS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    "CALLS__TIMEOUT": "5",
    "COMMANDS__POLL_INTERVAL": "0.05",
    "COMMANDS__FIRST_RETRY": "0.2",
    "COMMANDS__LONGEST_RETRY": "1",
}


class Site:
    """Stations behind one listener: they keep every call, and answer as ``behave`` says or well."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.behave: dict[str, Callable[[Call], Any]] = {}

    def receive(self, call: Call) -> Any:
        self.calls.append(call)
        special = self.behave.get(call.charge_box_identity)
        answer = special(call) if special else None
        if answer is not None:
            return answer
        if call.action.name == "UnlockConnector":
            return UnlockConnectorResponse(status=UnlockStatus.ACCEPTED)
        return ResetResponse(status=ResetStatus.ACCEPTED)

    def got(self, identity: str) -> list[Any]:
        return [call.request for call in self.calls if call.charge_box_identity == identity]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def listener(site: Site) -> Iterator[Listener]:
    settings = server_settings(load(None, {}), Role.CHARGE_POINT)
    with Listener(site, settings, "127.0.0.1", threads=32) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture
def url_of(listener: Listener) -> Callable[[str], str]:
    return lambda identity: listener.url(identity, Version.V15, "http://127.0.0.1:9/")


@pytest.fixture
def make_system(
    make_central_system: Callable[..., CentralSystem], url_of: Callable[[str], str]
) -> Callable[..., CentralSystem]:
    """A central system that knows CP000, CP001 … at the listener, delivering if ``works``."""

    def make(stations: int = 1, *, works: bool = True, **environ: str) -> CentralSystem:
        system = make_central_system(**{**QUICK, **environ})
        for number in range(stations):
            identity = f"CP{number:03d}"
            system.stations.allow(identity)
            system.stations.set_url(identity, url_of(identity))
        if works:
            system.start_workers()
        return system

    return make


@pytest.fixture
def speak(make_call: Callable[..., Call]) -> Callable[..., Any]:
    """Let a station send a Heartbeat."""

    def heartbeat(system: CentralSystem, identity: str = "CP000", **values: Any) -> Any:
        from datetime import datetime, timezone

        values.setdefault("received_at", datetime.now(timezone.utc))
        return system.receive(make_call(HeartbeatRequest(), identity, **values))

    return heartbeat


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds, 10 s at most."""

    def wait(condition: Callable[[], Any], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            threading.Event().wait(0.01)

    return wait
