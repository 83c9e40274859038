"""Where stations are called: one HTTP server for any number of them, told apart by identity header or URL."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import quote, urlsplit

from waitress.server import create_server

from ocpp_soap.charge_point.call import ChargePointCall
from ocpp_soap.charge_point.events import Called
from ocpp_soap.charge_point.station import Station
from ocpp_soap.dispatch import Call, Handlers
from ocpp_soap.errors import ConfigurationError, IdentityMismatch, NotSupported, RetryLater, Unreachable
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import SoapServerSettings
from ocpp_soap.soap.urls import base_path

_CONNECTIONS = 10_000
"""Connections held open: a central system may keep one for each station and each of its processes."""

LAST_ANSWERS = 2.0
"""Seconds that calls which came before the end have to be answered."""

Application = Callable[..., Iterable[bytes]]

_CALL_FIELDS = tuple(field.name for field in dataclasses.fields(Call))
_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound


class Stations:
    """The stations behind one address, and what receives the calls to them."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._by_identity: dict[str, Station] = {}

    def add(self, station: Station) -> None:
        """Let a station be called from now on."""
        self._by_identity[station.charge_box_identity] = station

    def receive(self, call: Call) -> Any:
        """Let the handler of the action answer; an identity that is not ours is an IdentityMismatch (12/15 §8.1).

        Who is called before a station is here, or before it is switched on, is asked to come back.
        """
        station = self._by_identity.get(call.charge_box_identity)
        if station is None:
            raise IdentityMismatch if self._by_identity else RetryLater("The charge points are not here yet.")
        if not station.version.has(call.action.since):
            raise NotSupported(f"This charge point speaks OCPP {station.version}, which has no {call.action.name}.")
        copied = {name: getattr(call, name) for name in _CALL_FIELDS}
        extended = ChargePointCall(**copied, station=station, vendors=self._handlers.by_vendor)
        with station.lock:
            if not station.reachable:
                raise RetryLater("The charge point is offline.")
            station.note(f"{call.action.name} received")
            response = station.answers.get(call.action.name)
            if response is None:
                response = self._handlers.by_action[call.action.name](call.request, extended)
            station.event("called", Called(call.action.name, call.request, response))
            return response


class Listener:
    """Serves ``stations`` at ``host:port`` (0: a free port) on a few threads until it is closed.

    ``around`` puts another WSGI application around the one that answers.
    Raises ConfigurationError where it cannot listen.
    """

    def __init__(
        self,
        stations: Stations,
        settings: SoapServerSettings,
        host: str,
        port: int = 0,
        *,
        threads: int = 4,
        around: Callable[[Application], Application] | None = None,
    ) -> None:
        application: Application = SoapServer(Role.CHARGE_POINT, stations.receive, settings)
        if around is not None:
            application = around(application)
        server = create_server(
            application,
            map={},
            sockets=[_bound(host, port)],
            threads=threads,
            ident="ocpp-soap",
            connection_limit=_CONNECTIONS,
            max_request_body_size=2 * settings.max_body,  # with what chunks add; the application sees to the rest
            asyncore_use_poll=True,
        )
        self._server = cast(Any, server)
        self._host = host
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, name="station-listener", daemon=True)
        self._thread.start()

    def url(self, charge_box_identity: str, version: Version, central_url: str) -> str:
        """The address at which the central system at ``central_url`` can call a station: for its ``From`` header.

        Raises Unreachable where the station listens on any address, and none leads there.
        """
        host = _address_towards(central_url) if self._host in _ANY_ADDRESS else self._host
        place = f"[{host}]" if ":" in host else host
        path = f"{base_path(Role.CHARGE_POINT, version)}/{quote(charge_box_identity, safe='')}"
        return f"http://{place}:{self.port}{path}"

    def close(self) -> None:
        """Answer what is being answered, for :data:`LAST_ANSWERS` at most, then let go of the port."""
        patience_ends = time.monotonic() + LAST_ANSWERS
        while self._answers() and time.monotonic() < patience_ends:
            time.sleep(0.01)
        self._server.trigger.pull_trigger(self._leave_loop)
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        self._server.close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        """Tell whether a request is being answered, or its answer has not left."""
        return any(
            channel.requests or channel.total_outbufs_len for channel in list(self._server.active_channels.values())
        )

    def _leave_loop(self) -> None:
        """In the loop's thread: close the connections and leave it nothing to wait for.

        The trigger is closed when all threads have ended: none may pull it, that is, write to a file descriptor that is
        no longer its own.
        """
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.trigger.del_channel()
        self._server.del_channel()


def _bound(host: str, port: int) -> socket.socket:
    """A socket at the first address of ``host``; raises ConfigurationError where there can be none."""
    try:
        flags = socket.AI_PASSIVE
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)[0]
        made = socket.socket(family, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"listen {host}:{port}: cannot be listened on: {reason}; choose another") from None
    return made


def _address_towards(url: str) -> str:
    """The address of this machine from which ``url`` is reached; nothing is sent."""
    try:
        parts = urlsplit(url)
        found = socket.getaddrinfo(parts.hostname or "127.0.0.1", parts.port or 80, type=socket.SOCK_DGRAM)
        family, kind, _, _, address = found[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unreachable(f"no address of this machine leads to {url}: {reason}; name one to listen on") from None
