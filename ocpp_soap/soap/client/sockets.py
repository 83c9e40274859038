"""Sockets that end on time: name look-up, connection, TLS and every read and write count against one deadline.

Library time-outs hold for one operation, so a peer that sends a byte now and then is never cut off. Here each
operation gets what is left of the whole call. The address that the guard has checked is the one connected to.
"""

from __future__ import annotations

import errno
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any, cast

from ocpp_soap.errors import NoAddress, Unreachable
from ocpp_soap.soap.guard import Guard

_deadline: ContextVar[float] = ContextVar("deadline")

_Found = list[tuple[Any, ...]]


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give everything that happens on our sockets inside the block ``seconds`` in all."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float:
    """Seconds left; raises TimeoutError if there are none."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for the call is over")
    return left


class _Socket(socket.socket):
    def recv_into(self, *args: Any) -> int:
        self.settimeout(remaining())
        return super().recv_into(*args)

    def sendall(self, *args: Any) -> None:
        self.settimeout(remaining())
        super().sendall(*args)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any) -> int:
        self.settimeout(remaining())
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:
        self.settimeout(remaining())
        return super().send(*args)

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(remaining())
        super().do_handshake(block)


def tls_context(ca_file: str, client_certificate: str, client_key: str) -> ssl.SSLContext:
    """The TLS settings of an endpoint: peers are verified against ``ca_file``, else against the system's CAs."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if client_certificate:
        context.load_cert_chain(client_certificate, client_key or None)
    context.sslsocket_class = _TlsSocket
    return context


def connect(host: str, port: int, guard: Guard | None) -> socket.socket:
    """A connected socket to the first address of ``host`` that answers and that ``guard`` permits.

    Raises Unreachable or NoAddress with the second half of a sentence, as "cannot be reached: …".
    """
    try:
        found = _look_up(host, port)
        permitted = [row for row in found if guard is None or guard.permits(row[4][0])]
        if not permitted:
            denied = ", ".join(sorted({row[4][0] for row in found}))
            raise NoAddress(f"may not be called: {denied} is in a denied network, see calls.allowed_networks")
        return _connect_first(permitted)
    except TimeoutError:
        raise Unreachable("cannot be reached: no connection in time") from None


def _connect_first(found: _Found) -> socket.socket:
    last = OSError(errno.EHOSTUNREACH, "no route to host")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = _Socket(family, kind, protocol)
        try:
            sock.settimeout(remaining() / (len(found) - number))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            last = error
        else:
            return sock
    if isinstance(last, TimeoutError):
        raise last
    reason = (last.strerror or type(last).__name__).lower()
    raise Unreachable(f"cannot be reached: {reason}")


def _look_up(host: str, port: int) -> _Found:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return _look_up_name(host, port)
    try:
        return _resolve(host, port)
    except OSError:
        raise Unreachable(f"cannot be reached: this machine has no way to {host}") from None


def _resolve(host: str, port: int) -> _Found:
    return cast(_Found, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _look_up_name(host: str, port: int) -> _Found:
    """Look a name up in a thread, since the system's resolver knows no deadline of ours."""
    answers: queue.SimpleQueue[_Found | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(_resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=remaining())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise Unreachable(f"cannot be reached: the name {host} cannot be resolved") from None
    return answer
