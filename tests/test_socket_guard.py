"""The guard of tests/conftest.py bites."""

from __future__ import annotations

import socket

import pytest


def test_a_connection_to_another_machine_fails_the_test() -> None:
    with socket.socket() as client, pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        client.connect(("192.0.2.1", 80))


def test_looking_up_a_name_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"example\.com"):
        socket.getaddrinfo("example.com", 80)


def test_listening_to_the_outside_fails_the_test() -> None:
    with socket.socket() as server, pytest.raises(pytest.fail.Exception, match=r"0\.0\.0\.0"):
        server.bind(("0.0.0.0", 0))
    with socket.socket() as server, pytest.raises(pytest.fail.Exception):
        server.bind(("", 0))


def test_this_machine_can_be_reached() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
