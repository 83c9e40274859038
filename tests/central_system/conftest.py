"""A central system on a file store of its own, and a way to send it messages."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.webhooks import Delivery, Webhook
from ocpp_soap.dispatch import Call, load_handlers
from ocpp_soap.messages import ACTIONS, Role, Version
from ocpp_soap.paths import bundled
from ocpp_soap.storage.base import Storage
from ocpp_soap.storage.file import FileStorage

NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
ACTION_OF = {action.request: action for action in ACTIONS if action.receiver is Role.CENTRAL_SYSTEM}


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def make_central_system(tmp_path: Path) -> Iterator[Callable[..., CentralSystem]]:
    """Make central systems on the same file or on ``store``, each with settings of its own as in the environment."""
    made: list[CentralSystem] = []

    def make(*folders: Path, store: Storage | None = None, **environ: str) -> CentralSystem:
        settings = config.load(None, {f"OCPP_SOAP__{name}": value for name, value in environ.items()})
        handlers = load_handlers(Role.CENTRAL_SYSTEM, [*folders, bundled("handlers")])
        made.append(CentralSystem(store or FileStorage(tmp_path / "store.db"), settings, handlers))
        return made[-1]

    yield make
    for central_system in made:
        central_system.close()


@pytest.fixture
def central_system(make_central_system: Callable[..., CentralSystem]) -> CentralSystem:
    return make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept", AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS="0")


class Clock:
    """Gives each message a later time of receipt than the one before."""

    def __init__(self) -> None:
        self.now = NOON

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def make_call() -> Callable[..., Call]:
    clock = Clock()

    def make(request: Any, identity: str = "CP001", version: Version = Version.V15, **values: Any) -> Call:
        values.setdefault("received_at", clock.tick())
        action = ACTION_OF[type(request)]
        return Call(charge_box_identity=identity, version=version, action=action, request=request, **values)

    return make


@pytest.fixture
def send(central_system: CentralSystem, make_call: Callable[..., Call]) -> Callable[..., Any]:
    """Send a request as CP001 (or another station) and get the response."""

    def send_it(request: Any, identity: str = "CP001", version: Version = Version.V15, **values: Any) -> Any:
        system = values.pop("to", central_system)
        return system.receive(make_call(request, identity, version, **values))

    return send_it


class Dripping:
    """A receiver that sends the beginning of an answer and then a byte of a header every 50 ms, for ever."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_over = threading.Event()
        self.request: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hook"

    def _serve(self) -> None:
        with suppress(OSError), self._listener.accept()[0] as peer:
            with peer.makefile("rb") as request:
                self.request = [line.decode().strip().lower() for line in iter(request.readline, b"\r\n")]
            peer.sendall(self._beginning)
            while not self._is_over.wait(0.05):
                peer.sendall(b"x")

    def close(self) -> None:
        if self._is_over.is_set():
            return
        self._is_over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def dripping() -> Iterator[Callable[[bytes], Dripping]]:
    """Make such a receiver."""
    with ExitStack() as stack:
        yield lambda beginning: stack.enter_context(closing(Dripping(beginning)))


class Receiver:
    """Keeps what it gets; ``answers`` are the next statuses, 204 when there are none left."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def events(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def deliver(central_system: CentralSystem) -> Callable[..., Webhook]:
    """Let a process deliver to a webhook once, as if its next try were due; ``attempts`` before an event is dead."""

    def once(webhook: Webhook, attempts: int = 3) -> Webhook:
        delivery = Delivery(central_system.webhooks, central_system.events, timeout=2, attempts=attempts)
        current = central_system.webhooks.change(webhook.webhook_id, lambda found: {**found, "next_try_at": None})
        assert current is not None
        delivery.deliver(current, threading.Event())
        after = central_system.webhooks.get(webhook.webhook_id)
        assert after is not None
        return after

    return once
