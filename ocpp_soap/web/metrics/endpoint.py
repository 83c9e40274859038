"""``/metrics``: who may read it, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ocpp_soap import __version__
from ocpp_soap.central_system.api_keys import bearer_token
from ocpp_soap.config import Settings
from ocpp_soap.dispatch import Exchanged
from ocpp_soap.errors import StorageError
from ocpp_soap.messages import Version
from ocpp_soap.soap import http
from ocpp_soap.soap.http import Answer
from ocpp_soap.soap.peers import Peers, is_in
from ocpp_soap.web.metrics import catalogue
from ocpp_soap.web.metrics.counting import Counting, Pair, Series
from ocpp_soap.web.metrics.exposition import CONTENT_TYPE, lines
from ocpp_soap.web.metrics.fleet import Fleet
from ocpp_soap.web.metrics.sharing import Sharing, shared_folder
from ocpp_soap.web.metrics.store import measure

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

_log = structlog.get_logger("ocpp_soap.web")


class Metrics:
    """Counts what a central system does in this process, and tells what all its processes counted."""

    def __init__(self, central_system: CentralSystem, settings: Settings) -> None:
        self.counting = Counting()
        self._pairs: dict[tuple[str, Version | None, str], Pair] = {}
        self._keys = central_system.api_keys
        self._networks = tuple(settings.metrics.networks)
        self._peers = Peers(settings.server.trusted_proxies)
        self._fleet = Fleet(central_system)
        self._sharing = Sharing(shared_folder(settings), self.counting)
        measure(central_system.store, self.counting)
        self._sharing.begin()

    def observe(self, exchanged: Exchanged) -> None:
        """Count one request of a charge point."""
        key = exchanged.action, exchanged.version, exchanged.outcome
        self.counting.observe_pair(self._pairs.get(key) or self._pair(*key), exchanged.seconds)
        if exchanged.outcome != "ok":
            self.counting.add(catalogue.REFUSALS.name, (exchanged.outcome, exchanged.kind))
        for warning in exchanged.warnings:
            self.counting.add(catalogue.WARNINGS.name, (warning.kind,))

    def observe_api(self, operation: str, method: str, status: int, seconds: float) -> None:
        """Count one request of the REST API."""
        self.counting.observe(catalogue.API_SECONDS.name, (operation, method, str(status)), seconds)

    def answer(self, environ: dict[str, Any]) -> Answer:
        """The page ``/metrics``."""
        if not self._may_read(environ):
            return http.text(
                401,
                "Send an API key as `Authorization: Bearer TOKEN`, or ask from a network in metrics.networks.",
                ("WWW-Authenticate", 'Bearer realm="ocpp-soap"'),
            )
        series = self._sharing.total() | self._state()
        text = "\n".join(line for metric in catalogue.ALL for line in lines(metric, series))
        return Answer(200, [("Content-Type", CONTENT_TYPE)], f"{text}\n".encode())

    def close(self) -> None:
        """Leave what was counted to the other workers."""
        self._sharing.close()

    def _pair(self, action: str, version: Version | None, outcome: str) -> Pair:
        timed = action or "unknown", version.value if version else "unknown"
        pair = self.counting.pair(catalogue.MESSAGES.name, (*timed, outcome), catalogue.MESSAGE_SECONDS.name, timed)
        self._pairs[action, version, outcome] = pair
        return pair

    def _state(self) -> Series:
        found: Series = {
            (catalogue.INFO.name, (__version__,)): [1],
            (catalogue.WORKERS.name, ()): [self._sharing.workers()],
        }
        try:
            return found | self._fleet.series()
        except StorageError as error:
            _log.warning("the fleet cannot be counted now", error=str(error))
            return found

    def _may_read(self, environ: dict[str, Any]) -> bool:
        peer = self._peers.address(environ)
        is_forwarded = bool(environ.get("HTTP_X_FORWARDED_FOR")) and not self._peers.is_proxy(environ)
        if not is_forwarded and is_in(peer, self._networks):
            return True
        try:
            return self._keys.authenticate(bearer_token(environ.get("HTTP_AUTHORIZATION", "")), peer) is not None
        except StorageError:
            return False
