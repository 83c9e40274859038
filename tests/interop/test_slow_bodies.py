"""Senders that stall or trickle hold a thread each, and nobody else."""

from __future__ import annotations

import contextlib
import socket
import time

ENVELOPE = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
    '<chargeBoxIdentity xmlns="urn://Ocpp/Cs/2012/06/">{}</chargeBoxIdentity></e:Header>'
    '<e:Body><heartbeatRequest xmlns="urn://Ocpp/Cs/2012/06/"/></e:Body></e:Envelope>'
)


def begin(port: int, length: int) -> socket.socket:
    """A connection that has sent its head and the beginning of its body."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = f"POST /Ocpp/CentralSystemService HTTP/1.1\r\nHost: cs.example\r\nContent-Length: {length}\r\n\r\n<e:Env"
    connection.sendall(head.encode())
    return connection


def good_request(port: int, identity: str) -> float:
    """Send a good request; returns the seconds until its answer."""
    started = time.monotonic()
    body = ENVELOPE.format(identity).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        head = f"POST /Ocpp/CentralSystemService HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert b" 200 OK\r\n" in answer[:20], answer
    assert b"heartbeatResponse" in answer
    return time.monotonic() - started


def test_good_requests_beside_500_stalled_ones_are_answered_in_time(served):
    with contextlib.ExitStack() as stalled:
        for _ in range(500):
            stalled.enter_context(begin(served.port, 500))
        assert max(good_request(served.port, f"beside-stalled-{number}") for number in range(20)) < 2


def test_a_trickle_is_cut_when_its_time_is_over(served):
    """The server of these tests allows 2 s; the pieces double, so a trickle lasts at most about twice that."""
    started = time.monotonic()
    with begin(served.port, 100_000) as connection:
        connection.setblocking(False)
        answer = b""
        while not answer and time.monotonic() - started < 15:
            time.sleep(0.02)
            with contextlib.suppress(BlockingIOError):
                answer = connection.recv(65536)
            if not answer:
                connection.send(b"x" * 20)
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert time.monotonic() - started < 8


def test_a_head_of_more_than_16_kib_is_refused(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        head = f"POST /Ocpp/CentralSystemService HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * 17_000}\r\n"
        connection.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 431")
