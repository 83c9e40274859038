"""How granian's threads call the application of a worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from granian.server import mp

from ocpp_soap.cli import granian_calls
from ocpp_soap.soap.http import ANSWERS_LATER, LATER

GRANIAN: Any = mp


class Protocol:
    """What granian hands over with each request, as far as it is used."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.sent.append((status, headers, body))

    def response_iter(self, status: int, headers: list[tuple[str, str]], pieces: Any) -> None:
        self.sent.append((status, headers, [*_each(pieces)]))
        pieces.close()


def _each(pieces: Any) -> Iterator[bytes]:
    while True:
        try:
            yield pieces.__next__()
        except StopIteration:
            return


def answer_of(application: Callable[..., Iterable[bytes]], **scope: Any) -> Any:
    protocol = Protocol()
    granian_calls.caller(application, {}, None)(protocol, scope)
    (sent,) = protocol.sent
    return sent


def test_granian_has_the_place_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GRANIAN, "_wsgi_call_wrap", GRANIAN._wsgi_call_wrap)
    granian_calls.use()
    assert GRANIAN._wsgi_call_wrap is granian_calls.caller


def test_an_environ_is_whole_without_the_variables_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_PROCESS", "1")
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.update(environ)
        start_response("404 Not Found", [("A", "b")])
        return [b"one ", b"two"]

    assert answer_of(application, PATH_INFO="/x", REQUEST_METHOD="GET") == (404, [("A", "b")], b"one two")
    assert seen["PATH_INFO"] == "/x"
    assert seen["wsgi.version"] == (1, 0)
    assert seen["wsgi.errors"] is sys.stderr
    assert "OF_THE_PROCESS" not in seen


def test_an_answer_in_pieces_is_handed_on_in_pieces_and_closed() -> None:
    closed = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return pieces()

    assert answer_of(application) == (200, [], [b"one", b"two"])
    assert closed == [True]


def test_an_answer_may_be_given_later_by_whoever_has_it() -> None:
    later: list[Callable[..., None]] = []

    def application(environ: dict[str, Any], _: Callable[..., Any]) -> Iterable[bytes]:
        later.append(environ[LATER])
        return ANSWERS_LATER

    protocol = Protocol()
    granian_calls.caller(application, {}, None)(protocol, {})
    assert protocol.sent == []
    later[0](200, [("A", "b")], b"one")
    assert protocol.sent == [(200, [("A", "b")], b"one")]
