"""A peer on a free port of 127.0.0.1 that answers exactly the bytes a test tells it to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from lxml import etree

SOAP = "http://www.w3.org/2003/05/soap-envelope"
CP_15 = "urn://Ocpp/Cp/2012/06/"


@dataclass
class Request:
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def envelope(self) -> etree._Element:
        return etree.fromstring(self.body)


@dataclass
class Peer:
    """``answer`` gives the bytes for a request, whole or in pieces; None closes the connection without any.

    ``one_by_one``: the next connection is served when the one before has ended.
    """

    answer: Callable[[Request], bytes | Iterable[bytes] | None]
    tls: ssl.SSLContext | None = None
    one_by_one: bool = False
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def start(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/Ocpp/ChargePointService?x=1"
        self.open: list[socket.socket] = []
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self._hang_up()
        self.thread.join()
        for sock in self.open:
            sock.close()
        self.listener.close()

    def _accept(self) -> None:
        workers = []
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                break
            self.connections += 1
            workers.append(threading.Thread(target=self._serve, args=(sock,)))
            workers[-1].start()
            if self.one_by_one:
                workers[-1].join()
        self._hang_up()
        for worker in workers:
            worker.join()

    def _hang_up(self) -> None:
        for sock in self.open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _serve(self, sock: socket.socket) -> None:
        try:
            stream = self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
            self.open.append(stream)
            with stream, stream.makefile("rb") as reader:
                while (request := _read(reader)) is not None:
                    self.requests.append(request)
                    answer = self.answer(request)
                    if answer is None:
                        return
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        stream.sendall(piece)
        except OSError:
            pass


def _read(reader) -> Request | None:
    line = reader.readline().decode("latin-1").strip()
    if not line:
        return None
    headers = []
    while raw := reader.readline().decode("latin-1").strip():
        key, _, value = raw.partition(":")
        headers.append((key, value.strip()))
    length = next((int(value) for key, value in headers if key.lower() == "content-length"), 0)
    return Request(line, headers, reader.read(length))


@pytest.fixture
def peer():
    """Start a peer: ``peer(answer)``; ``answer`` is bytes, pieces of bytes, None, or a function of the request."""
    started = []

    def start(answer, tls=None, one_by_one=False):
        made = Peer(answer if callable(answer) else lambda _: answer, tls, one_by_one)
        made.start()
        started.append(made)
        return made

    yield start
    for made in started:
        made.stop()


@pytest.fixture
def http():
    """The bytes of an HTTP answer."""

    def make(body=b"", status="200 OK", *headers):
        body = body.encode() if isinstance(body, str) else body
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    return make


@pytest.fixture
def envelope():
    """The text of an envelope around a body, by default one that accepts a Reset."""

    def make(body=f'<resetResponse xmlns="{CP_15}"><status>Accepted</status></resetResponse>', header="", soap=SOAP):
        return f'<e:Envelope xmlns:e="{soap}">{header}<e:Body>{body}</e:Body></e:Envelope>'

    return make
