"""JSON for systems that are no charge points, and which URLs they can have."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import pytest

from ocpp_soap.central_system.posts import check_url, open_connections, post_json
from ocpp_soap.errors import CallFailed, TimedOut, Unreachable


def send(url: str, timeout: float = 5) -> int:
    with closing(open_connections()) as connections:
        return post_json(connections, url, b"{}", {"X-More": "yes"}, timeout=timeout)


def test_the_timeout_is_for_the_whole_post_however_slowly_bytes_come(dripping: Any) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"did not answer within 0\.4 s"):
        send(dripping(b"HTTP/1.1 200 OK\r\nX: ").url, timeout=0.4)
    assert time.monotonic() - began < 2


def test_the_status_is_enough_whatever_becomes_of_the_body(dripping: Any) -> None:
    receiver = dripping(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n")
    assert send(receiver.url.replace("//", "//me:s%20t@")) == 202
    assert receiver.request[0] == "post /hook http/1.1"
    expected = {"content-type: application/json", "x-more: yes", "authorization: basic bwu6cyb0", "content-length: 2"}
    assert expected <= set(receiver.request)


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1",
        "https://example.com./x?y=ü",
        "http://münchen.example:8080/",
        "http://u:p@[::1]:80/",
    ],
)
def test_a_url_with_a_host_is_one(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a..b/x",
        f"http://{'a' * 70}/",
        "http://é..ü/",
        "http://[::1/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http:///x",
        "ftp://example.com/",
    ],
)
def test_a_url_that_cannot_be_called_is_refused_and_if_it_is_stored_no_surprise(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a receiver"):
        check_url(url)
    with pytest.raises((CallFailed, ValueError)):
        send(url)


def test_a_receiver_that_is_not_there_is_told_of() -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        send("http://127.0.0.1:1/")
