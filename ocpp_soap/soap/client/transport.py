"""HTTP POST to an endpoint: pooled connections, one deadline, a bounded answer, no redirect, no proxy, no netrc."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from ocpp_soap.errors import BadAnswer, ConnectionLost, NoAddress, TimedOut, Unreachable
from ocpp_soap.soap.charsets import named_by_http
from ocpp_soap.soap.client.connections import Host, Key, Stale, key_of
from ocpp_soap.soap.client.endpoint import Endpoint
from ocpp_soap.soap.client.sockets import deadline, remaining
from ocpp_soap.soap.compression import CannotDecompress, decompress

LARGEST_ANSWER = 1024 * 1024
"""Bytes, before and after unpacking: as a tree of elements it may take 60 times as much memory."""
MOST_HOSTS = 256
LONGEST_IDLE = 60.0

_Answer = TypeVar("_Answer")
_NO_ADDRESS = "cannot be called: expected an address like http://192.0.2.1:9221/"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back: the status, the headers that matter, and the decompressed body."""

    status: int
    body: bytes
    charset: str = ""
    location: str = ""
    retry_after: str = ""


class Pools:
    """The connections kept open: to the ``most`` hosts called last, none unused for longer than ``longest_idle`` s.

    Many peers close a connection after each answer and do not say so: nothing tells whether one that is open still will
    be when the next request arrives. So a request that may be repeated is sent once more, on a new connection, if a
    used one breaks before the answer; one that may not always gets a new connection (RFC 9112 §9.3.1, §9.6). Some peers
    serve one connection after the other, so those kept open to the host are closed before: the new one waits for them.
    """

    def __init__(self, most: int = MOST_HOSTS, longest_idle: float = LONGEST_IDLE) -> None:
        self._most = most
        self._longest_idle = longest_idle
        self._lock = Lock()
        self._hosts: OrderedDict[Key, tuple[Host, float]] = OrderedDict()

    def post(self, endpoint: Endpoint, body: bytes, headers: dict[str, str], *, may_repeat: bool = True) -> HttpAnswer:
        """Send ``body`` and read the answer, all within ``endpoint.timeout``; ``may_repeat``: it may arrive twice.

        Raises NoAddress, Unreachable, TimedOut or BadAnswer with the second half of a sentence.
        """
        return self._exchange(endpoint, body, headers, _read, may_repeat=may_repeat)

    def status(self, endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> int:
        """Send ``body`` and return the status of the answer, whose body is left unread. In time and raises as post."""
        return self._exchange(endpoint, body, headers, _status, may_repeat=True)

    def _exchange(
        self,
        endpoint: Endpoint,
        body: bytes,
        headers: dict[str, str],
        read: Callable[[urllib3.BaseHTTPResponse], _Answer],
        *,
        may_repeat: bool,
    ) -> _Answer:
        try:
            with deadline(endpoint.timeout):
                try:
                    response = self._send(endpoint, body, headers, keeps=may_repeat)
                except Stale:
                    response = self._send(endpoint, body, headers, keeps=False)
                return read(response)
        except (TimeoutError, urllib3.exceptions.TimeoutError):
            raise TimedOut(f"did not answer within {endpoint.timeout:g} s") from None
        except urllib3.exceptions.SSLError as error:
            raise Unreachable(f"cannot be reached: TLS failed: {_tls_reason(error)}") from None
        except urllib3.exceptions.LocationValueError:
            raise NoAddress(_NO_ADDRESS) from None
        except (urllib3.exceptions.HTTPError, OSError):
            raise ConnectionLost("closed the connection without a complete answer") from None

    def _send(
        self, endpoint: Endpoint, body: bytes, headers: dict[str, str], *, keeps: bool
    ) -> urllib3.BaseHTTPResponse:
        url = _split(endpoint)
        connection = {} if keeps else {"Connection": "close"}
        while True:
            try:
                return self._pool(key_of(endpoint, url), keeps=keeps).urlopen(
                    "POST",
                    f"{url.path or '/'}{'?' if url.query else ''}{url.query}",
                    body,
                    headers | connection | _credentials(endpoint),
                    retries=False,
                    redirect=False,
                    timeout=remaining(),
                    preload_content=False,
                    decode_content=False,
                )
            except urllib3.exceptions.ClosedPoolError:
                continue

    def _pool(self, key: Key, *, keeps: bool) -> HTTPConnectionPool:
        forgotten, now = [], time.monotonic()
        with self._lock:
            host = self._hosts.pop(key)[0] if key in self._hosts else Host(key)
            self._hosts[key] = host, now
            if not keeps:
                forgotten.append(host.kept)
                host.kept = host.new_pool(keeps=True)
            pool = host.kept if keeps else host.new_pool(keeps=False)
            while len(self._hosts) > self._most or next(iter(self._hosts.values()))[1] < now - self._longest_idle:
                forgotten.append(self._hosts.popitem(last=False)[1][0].kept)
        for old in forgotten:
            old.close()
        return pool

    def close(self) -> None:
        """Close every connection that is kept open."""
        with self._lock:
            pools = [host.kept for host, _ in self._hosts.values()]
            self._hosts.clear()
        for pool in pools:
            pool.close()


def _split(endpoint: Endpoint) -> SplitResult:
    try:
        url = urlsplit(endpoint.url)
        known = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        known = None
    if not known:
        raise NoAddress(_NO_ADDRESS)
    return url


def _credentials(endpoint: Endpoint) -> dict[str, str]:
    if not endpoint.username:
        return {}
    token = b64encode(f"{endpoint.username}:{endpoint.password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {token}"}


def _status(response: urllib3.BaseHTTPResponse) -> int:
    response.close()
    return response.status


def _read(response: urllib3.BaseHTTPResponse) -> HttpAnswer:
    raw = b""
    try:
        while piece := response.read(LARGEST_ANSWER + 1 - len(raw), decode_content=False):
            raw += piece
            if len(raw) > LARGEST_ANSWER:
                raise BadAnswer(f"sent an answer of more than {LARGEST_ANSWER} bytes")
    except BaseException:
        response.close()
        raise
    response.release_conn()
    try:
        body = decompress(raw, response.headers.get("Content-Encoding", ""), LARGEST_ANSWER)
    except CannotDecompress as error:
        raise BadAnswer(f"sent an answer that cannot be decompressed: {error}") from None
    return HttpAnswer(
        response.status,
        body,
        named_by_http(response.headers.get("Content-Type", "")),
        response.headers.get("Location", ""),
        response.headers.get("Retry-After", ""),
    )


def _tls_reason(error: Exception) -> str:
    cause: Any = error.args[0] if error.args else error
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or type(cause).__name__)
