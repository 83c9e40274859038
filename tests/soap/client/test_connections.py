"""Connections are kept open, and a peer that closes them without a word can be called as often as any other."""

from __future__ import annotations

import select
import ssl
import threading
import time
from pathlib import Path

import pytest

from ocpp_soap import messages as m
from ocpp_soap.errors import ConnectionLost, TimedOut
from ocpp_soap.messages import ACTIONS, Role, Version
from ocpp_soap.soap.client import Endpoint, client_for
from ocpp_soap.soap.client.repeats import may_repeat
from ocpp_soap.soap.client.transport import Pools

TLS = Path(__file__).parents[2] / "data" / "tls"
CP_15 = "urn://Ocpp/Cp/2012/06/"
VERSION = f'<getLocalListVersionResponse xmlns="{CP_15}"><listVersion>7</listVersion></getLocalListVersionResponse>'


def call(endpoint, request):
    return client_for(Role.CHARGE_POINT, Version.V15).call(endpoint, "CP001", request)


def list_version(endpoint):
    return call(endpoint, m.GetLocalListVersionRequest()).list_version


def reset(endpoint):
    return call(endpoint, m.ResetRequest(type=m.ResetType.HARD)).status


@pytest.fixture
def closing_peer(peer):
    """A peer that answers one request on each connection, and closes it when the next one comes, without reading it."""

    def start(answer, tls=None):
        def answer_once(_):
            sock = server.open[-1]
            yield answer
            select.select([sock], [], [], 10)
            raise OSError("closed")

        server = peer(answer_once, tls)
        return server

    return start


def test_a_read_goes_over_a_connection_that_is_kept(peer, http, envelope):
    server = peer(http(envelope(VERSION)))
    assert [list_version(Endpoint(server.url)) for _ in range(3)] == [7, 7, 7]
    assert (len(server.requests), server.connections) == (3, 1)
    assert server.requests[0].header("Connection") == []


@pytest.mark.parametrize("is_secure", [False, True])
def test_a_read_is_sent_once_more_where_a_used_connection_breaks_before_the_answer(
    closing_peer, http, envelope, is_secure
):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(TLS / "server.pem")
    server = closing_peer(http(envelope(VERSION)), tls if is_secure else None)
    endpoint = Endpoint(server.url, ca_file=str(TLS / "ca.pem"))
    assert [list_version(endpoint) for _ in range(4)] == [7] * 4
    assert len(server.requests) == 4


def test_what_may_not_be_repeated_always_gets_a_new_connection_and_arrives_once(closing_peer, http, envelope):
    server = closing_peer(http(envelope()))
    assert [reset(Endpoint(server.url)) for _ in range(3)] == ["Accepted"] * 3
    assert (len(server.requests), server.connections) == (3, 3)
    assert server.requests[0].header("Connection") == ["close"]


def test_a_peer_that_serves_one_connection_after_the_other_can_be_made_to_act_after_a_read(peer, http, envelope):
    def answer(request):
        return http(envelope(VERSION) if b"getLocalListVersionRequest" in request.body else envelope())

    server = peer(answer, one_by_one=True)
    endpoint = Endpoint(server.url, timeout=5)
    answers = [call_it(endpoint) for call_it in (list_version, reset, list_version, list_version, reset)]
    assert answers == [7, "Accepted", 7, 7, "Accepted"]
    assert (len(server.requests), server.connections) == (5, 4)


def test_an_answer_that_is_awaited_meanwhile_is_read_and_its_connection_closed(peer, http, envelope):
    asked, has_acted = threading.Event(), threading.Event()

    def answer(request):
        if b"getLocalListVersionRequest" not in request.body:
            return http(envelope())
        asked.set()
        assert has_acted.wait(10)
        return http(envelope(VERSION))

    server = peer(answer)
    versions = []
    reader = threading.Thread(target=lambda: versions.append(list_version(Endpoint(server.url))))
    reader.start()
    assert asked.wait(10)
    assert reset(Endpoint(server.url)) == "Accepted"
    has_acted.set()
    reader.join()
    assert [*versions, list_version(Endpoint(server.url))] == [7, 7]
    assert server.connections == 3


def test_only_that_host_loses_its_connections_and_it_counts_once(peer, http):
    server, other = peer(http(b"one")), peer(http(b"two"))
    pools = Pools(most=2)
    pools.post(Endpoint(other.url), b"", {})
    pools.post(Endpoint(server.url), b"", {})
    pools.post(Endpoint(server.url), b"", {}, may_repeat=False)
    pools.post(Endpoint(other.url), b"", {})
    pools.close()
    assert (server.connections, other.connections) == (2, 1)


def test_a_new_connection_that_breaks_is_the_failure_of_the_peer(peer):
    server = peer(None)
    with pytest.raises(ConnectionLost, match="closed the connection without a complete answer"):
        list_version(Endpoint(server.url))
    assert len(server.requests) == 1


def test_the_repeat_has_what_is_left_of_the_time(closing_peer, http, envelope):
    slow = iter([http(envelope(VERSION)), b""])
    server = closing_peer(b"")
    answer_once = server.answer

    def answer(request):
        for piece in answer_once(request):
            yield piece or next(slow)

    server.answer = answer
    assert list_version(Endpoint(server.url)) == 7
    began = time.monotonic()
    with pytest.raises(TimedOut):
        list_version(Endpoint(server.url, timeout=0.4))
    assert time.monotonic() - began < 1


def test_nothing_that_makes_a_charge_point_act_is_repeated():
    assert {action.name for action in ACTIONS if not may_repeat(action)} == {
        "CancelReservation",
        "DataTransfer",
        "GetDiagnostics",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "Reset",
        "UnlockConnector",
        "UpdateFirmware",
    }
