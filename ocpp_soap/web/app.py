"""The web application: finds who answers a path, and says what is where."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from ocpp_soap.central_system.system import CentralSystem
from ocpp_soap.config import Settings
from ocpp_soap.errors import StorageError
from ocpp_soap.messages import Role
from ocpp_soap.soap import http
from ocpp_soap.soap.http import Answer, Environ, StartResponse, WsgiApplication
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings
from ocpp_soap.storage.base import StoreInfo
from ocpp_soap.web import files
from ocpp_soap.web.metrics import Metrics
from ocpp_soap.web.payloads import log_payload
from ocpp_soap.web.rest import PREFIX, RestApi

Page = Callable[[Environ], Answer]

_log = structlog.get_logger("ocpp_soap.web")
_JSON = ("Content-Type", "application/json; charset=utf-8")


def central_system_application(settings: Settings) -> Application:
    """The central system of these settings as a WSGI application.

    It opens the store and begins the background work, so it is made in the process that serves, after any fork.
    """
    system = CentralSystem.open(settings)
    metrics = Metrics(system, settings) if settings.metrics.enabled else None
    observers = [system.observe, metrics.observe] if metrics else [system.observe]
    if settings.log.payload:
        observers.append(log_payload)
    server = SoapServer(
        Role.CENTRAL_SYSTEM,
        system.receive,
        server_settings(settings, Role.CENTRAL_SYSTEM),
        observers,
        system.address_limit.check,
    )
    system.start_workers()
    parts: dict[str, WsgiApplication] = {files.PREFIX: files.HttpFiles(system.files)}
    if settings.api.enabled:
        parts[PREFIX] = RestApi(system, metrics.observe_api if metrics else None)

    def close() -> None:
        try:
            system.close()
        finally:
            if metrics:
                metrics.close()

    return Application([server], system.store.check, close, parts, {"/metrics": metrics.answer} if metrics else None)


class Application:
    """A WSGI application of SOAP services with ``/healthz``, ``/readyz`` and a page for people at ``/``.

    ``check`` asks the store for a sign of life; ``close`` lets go of everything when the process ends. ``parts`` are
    other applications by the beginning of the paths that they answer, ``pages`` more pages by their paths.
    """

    def __init__(
        self,
        services: Sequence[SoapServer],
        check: Callable[[], StoreInfo],
        close: Callable[[], None],
        parts: Mapping[str, WsgiApplication] | None = None,
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        self.close = close
        self._services = tuple(services)
        self._check = check
        self._parts = tuple((parts or {}).items())
        self._pages: dict[str, Page] = {
            "/": self._front_page,
            "/healthz": self._health,
            "/readyz": self._readiness,
            **(pages or {}),
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request (PEP 3333)."""
        path = http.path_of(environ)
        for service in self._services:
            place = service.urls.place(path)
            if place is not None:
                return service.respond(environ, start_response, place)
        for beginning, part in self._parts:
            if path.startswith(beginning):
                return part(environ, start_response)
        page = self._pages.get(path)
        if page is None:
            answer = http.text(404, f"Not found: {path}\n\n{self._directory()}")
        elif environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            answer = http.text(405, f"{path} is to be read only.\n\n{self._directory()}", ("Allow", "GET, HEAD"))
        else:
            answer = page(environ)
        return http.respond(answer, environ, start_response)

    def end(self) -> None:
        """As ``close``, at the end of a process: what cannot be stored is told in a line, for nobody hears an error."""
        try:
            self.close()
        except StorageError as error:
            _log.error("not everything could be stored at the end", reason=str(error))

    def _front_page(self, environ: Environ) -> Answer:
        return http.text(200, f"Central system for OCPP 1.2 and 1.5 over SOAP.\n\n{self._directory()}")

    def _health(self, environ: Environ) -> Answer:
        return Answer(200, [_JSON], json.dumps({"status": "ok"}).encode())

    def _readiness(self, environ: Environ) -> Answer:
        try:
            store = self._check()
        except StorageError as error:
            return Answer(503, [_JSON], json.dumps({"status": "store unavailable", "reason": str(error)}).encode())
        latency = round(store.latency_ms, 3)
        found = {"backend": store.backend, "version": store.version, "latency_ms": latency}
        return Answer(200, [_JSON], json.dumps({"status": "ok", "store": found}).encode())

    def _directory(self) -> str:
        paths = [path for service in self._services for path in service.urls.paths]
        listed = "\n".join(f"  {path}" for path in paths)
        return (
            f"Charge points send their requests by POST to one of\n{listed}\n"
            f"or, if they send no chargeBoxIdentity header, with /<chargeBoxIdentity> appended.\n"
            f"Service descriptions are at these paths with ?wsdl; /healthz tells whether this server works, /readyz\n"
            f"whether its store answers."
        )
