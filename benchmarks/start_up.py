"""Start-up and the reverse call: the figures that no load is needed for."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Thread

from benchmarks.report import goal
from benchmarks.servers import ROOT, ours
from ocpp_soap.messages import ResetRequest, ResetType, Role, Version

_ANSWER = (
    b'<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body><resetResponse '
    b'xmlns="urn://Ocpp/Cp/2012/06/"><status>Accepted</status></resetResponse></S:Body></S:Envelope>'
)
_HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)
_CALLS = 200


def measure(folder: Path) -> None:
    """Print the goals."""
    print("\nStart-up and reverse calls:")
    goal("ocpp-soap serve to the first answer", median(_serve(folder, n) for n in range(3)), 1.5, " s", at_most=True)
    goal("ocpp-soap --help", median(_help() for _ in range(5)), 0.3, " s", at_most=True)
    first, each, bare = _calls()
    goal("first call to a new endpoint", first * 1000, 50, " ms", at_most=True)
    goal("a reverse call beyond the bare exchange", (each - bare) * 1000, 3, " ms", at_most=True)


def _serve(folder: Path, number: int) -> float:
    server = ours("cold start", folder / f"cold-{number}", {})
    began = time.monotonic()
    server.start(folder / "servers.log")
    took = time.monotonic() - began
    server.stop()
    return took


def _help() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "ocpp_soap", "--help"], cwd=ROOT, check=True, capture_output=True)
    return time.monotonic() - began


def _calls() -> tuple[float, float, float]:
    """Seconds of a first call on a new connection, of a later one, and of the same exchange of bytes without us."""
    from ocpp_soap.soap.client import Endpoint, client_for  # noqa: PLC0415 - importing is not what is measured

    client = client_for(Role.CHARGE_POINT, Version.V15)
    request = ResetRequest(type=ResetType.HARD)
    with _peer() as port:
        first = _timed(lambda: client.call(Endpoint(f"http://127.0.0.1:{port}/"), "CP001", request))
        each = median(
            _timed(lambda: client.call(Endpoint(f"http://127.0.0.1:{port}/"), "CP001", request)) for _ in range(_CALLS)
        )
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            bare = median(_timed(lambda: _exchange(plain)) for _ in range(_CALLS))
    return first, each, bare


def _timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def _exchange(plain: socket.socket) -> None:
    plain.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER))
    received = 0
    while received < len(_HTTP):
        received += len(plain.recv(65536))


@contextmanager
def _peer() -> Iterator[int]:
    """A charge point that accepts whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_accept, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])


def _accept(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as reader:
        while reader.readline():
            length = 0
            while (line := reader.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            reader.read(length)
            connection.sendall(_HTTP)
