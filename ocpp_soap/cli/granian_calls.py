"""How granian's threads call the WSGI application of a worker (PEP 3333).

As granian does it, but that the variables of the process's environment are left out of each request's environ, as the
standard allows: merging them took 4 of 90 µs of an Authorize. And an answer may be given later, by another thread:
granian's protocol objects wait for theirs without a thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from granian import wsgi
from granian.server import mp

from ocpp_soap.soap.http import ANSWERS_LATER, LATER, WsgiApplication


class _Response:
    """What the application says at the beginning of an answer."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[str, str]] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status = int(status.partition(" ")[0])
        self.headers = headers


_granian: Any = mp
_wrap_pieces: Callable[[Any], Any] = wsgi.ResponseIterWrap


def use() -> None:
    """Have the workers of this process call their application so."""
    _granian._wsgi_call_wrap = caller


def caller(
    application: WsgiApplication, _options: dict[str, Any], _access_log: str | None
) -> Callable[[Any, dict[str, Any]], None]:
    """What a thread calls for each request, as ``granian.wsgi`` has it."""
    always = {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "Granian",
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multiprocess": True,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }

    def call(protocol: Any, scope: dict[str, Any]) -> None:
        response = _Response()
        environ = always | scope
        environ[LATER] = protocol.response_bytes
        answer = application(environ, response)
        if answer is ANSWERS_LATER:
            return
        if isinstance(answer, list):
            protocol.response_bytes(response.status, response.headers, b"".join(answer))
        else:
            protocol.response_iter(response.status, response.headers, _wrap_pieces(answer))

    return call
