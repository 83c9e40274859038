"""Pools of connections of urllib3 over our sockets, and what endpoints must have in common to share one."""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple
from urllib.parse import SplitResult

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ocpp_soap.errors import NoAddress
from ocpp_soap.soap.client.endpoint import Endpoint
from ocpp_soap.soap.client.sockets import connect, tls_context
from ocpp_soap.soap.guard import Guard

MOST_IDLE_CONNECTIONS = 16


class Stale(Exception):
    """A connection that was used before broke before an answer came: the peer may have closed it, or be closing it."""


class _Guarded:
    def __init__(self, *args: Any, guard: Guard | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard

    def _new_conn(self) -> Any:
        return connect(self._dns_host, self.port, self._guard)  # type: ignore[attr-defined]


class _HttpConnection(_Guarded, HTTPConnection):
    pass


class _HttpsConnection(_Guarded, HTTPSConnection):
    pass


class _Keeping:
    """Closes a connection that there is no room for, where urllib3 would log a warning; tells of one that is stale."""

    keeps = True

    def _put_conn(self, conn: Any) -> None:
        idle = self.pool  # type: ignore[attr-defined]
        if conn is not None and idle is not None and (idle.full() or not self.keeps):
            conn.close()
        else:
            super()._put_conn(conn)  # type: ignore[misc]

    def _make_request(self, conn: Any, *args: Any, **options: Any) -> Any:
        was_used = not conn.is_closed
        try:
            return super()._make_request(conn, *args, **options)  # type: ignore[misc]
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            if was_used:
                raise Stale from error
            raise


class _HttpPool(_Keeping, HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(_Keeping, HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class Key(NamedTuple):
    """What two endpoints must have in common to share connections."""

    scheme: str
    host: str
    port: int
    ca_file: str
    client_certificate: str
    client_key: str
    guard: Guard | None


def key_of(endpoint: Endpoint, url: SplitResult) -> Key:
    """The key of an endpoint whose address is ``url``."""
    port = url.port or (443 if url.scheme == "https" else 80)
    files = endpoint.ca_file, endpoint.client_certificate, endpoint.client_key
    return Key(url.scheme, url.hostname or "", port, *files, endpoint.guard)


class Host:
    """The connections to one host: ``kept`` is the pool of those that are used again.

    Raises NoAddress, as half a sentence, if a certificate file cannot be used.
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._options: dict[str, Any] = {"guard": key.guard}
        if key.scheme == "https":
            try:
                context = tls_context(key.ca_file, key.client_certificate, key.client_key)
            except (OSError, ValueError) as error:
                raise NoAddress(f"cannot be called: its certificate files cannot be used: {error}") from None
            self._options["ssl_context"] = context
        self.kept = self.new_pool(keeps=True)

    def new_pool(self, *, keeps: bool) -> HTTPConnectionPool:
        """A pool without connections yet; without ``keeps`` none is used twice."""
        made = _HttpsPool if self._key.scheme == "https" else _HttpPool
        pool = made(self._key.host, self._key.port, maxsize=MOST_IDLE_CONNECTIONS if keeps else 1, **self._options)
        pool.keeps = keeps
        return pool
