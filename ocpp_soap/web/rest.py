"""The way to the REST API, which is loaded with its first request, so that messages of stations never pay for it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from threading import Lock

import structlog

from ocpp_soap.central_system.system import CentralSystem
from ocpp_soap.soap import http
from ocpp_soap.soap.http import Environ, StartResponse, WsgiApplication

PREFIX = "/api/"

ObserveRequest = Callable[[str, str, int, float], None]

_log = structlog.get_logger("ocpp_soap.web")


class RestApi:
    """The REST API as a WSGI application. Where the extra ``api`` is not installed, it says so with 501.

    ``observe`` is told of every request: operation, method, status, seconds.
    """

    def __init__(self, central_system: CentralSystem, observe: ObserveRequest | None = None) -> None:
        self._central_system = central_system
        self._observe = observe
        self._lock = Lock()
        self._application: WsgiApplication | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request (PEP 3333)."""
        try:
            application = self._application or self._load()
        except ImportError as error:
            _log.warning("the REST API cannot be loaded", error=str(error))
            answer = http.text(501, "The REST API is not installed here: pip install 'ocpp-soap[api]'")
            return http.respond(answer, environ, start_response)
        return application(environ, start_response)

    def _load(self) -> WsgiApplication:
        from ocpp_soap.web.api.app import create  # noqa: PLC0415 (Flask is loaded with the first request only)

        with self._lock:
            if self._application is None:
                self._application = create(self._central_system, self._observe)
                gc.collect()
                gc.freeze()
            return self._application
