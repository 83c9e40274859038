"""No test reaches beyond this machine: a socket to another address fails the test, past any `except Exception`.

None sets logging up for the tests after it either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
import structlog

_EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}


def is_loopback(host: Any) -> bool:
    if host in ("localhost", b"localhost"):
        return True
    try:
        return ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and isinstance(arguments[1], tuple) and not is_loopback(arguments[1][0]):
        pytest.fail(f"{event} to {arguments[1][0]}: tests stay on 127.0.0.1")
    if (
        event == "socket.getaddrinfo"
        and arguments[0]
        and not _is_address(arguments[0])
        and not is_loopback(arguments[0])
    ):
        pytest.fail(f"the name {arguments[0]} was looked up: tests stay on 127.0.0.1")


def _is_address(host: Any) -> bool:
    try:
        ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True


sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command or a server sets logging up for its process, which here goes on with other tests."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog, "configure", lambda **given: configure(**{**given, "cache_logger_on_first_use": False})
        )
        yield
    structlog.reset_defaults()
