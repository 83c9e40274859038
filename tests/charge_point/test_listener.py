"""Many stations behind one address (12/15 §8.1), called through our own client."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from ocpp_soap import config
from ocpp_soap.charge_point.listener import Listener, Stations
from ocpp_soap.charge_point.station import Station
from ocpp_soap.errors import ConfigurationError, IdentityMismatch, NotSupported, Refused, TryLater, Unreachable
from ocpp_soap.messages import (
    AuthorisationData,
    AuthorizationStatus,
    ClearCacheRequest,
    GetConfigurationRequest,
    GetLocalListVersionRequest,
    IdTagInfo,
    Role,
    SendLocalListRequest,
    UpdateType,
    Version,
)
from ocpp_soap.soap.client import Endpoint, client_for
from ocpp_soap.soap.settings import server_settings
from ocpp_soap.storage.file import FileStorage


@pytest.fixture
def listener(schedule, central_system, handlers):
    stations = Stations(handlers)
    for identity, version in (("CP 1/ä", Version.V15), ("CP2", Version.V15), ("OLD", Version.V12)):
        station = Station(identity, version, central_system, schedule)
        station.start()
        stations.add(station)
    with Listener(stations, server_settings(config.load(None, {}), Role.CHARGE_POINT), "127.0.0.1") as listener:
        yield listener


def call(listener, identity, request, version=Version.V15, path=None):
    url = listener.url(identity, version, "http://127.0.0.1/")
    if path:
        url = f"http://127.0.0.1:{listener.port}{path}"
    return client_for(Role.CHARGE_POINT, version).call(Endpoint(url, timeout=5), identity, request)


@pytest.mark.parametrize("identity", ["CP 1/ä", "CP2"])
def test_each_station_is_called_at_its_own_url(listener, identity):
    assert call(listener, identity, GetLocalListVersionRequest()).list_version == 0


@pytest.mark.parametrize("path", ["/Ocpp/ChargePointService", "/Ocpp/1.5/ChargePointService/"])
def test_the_identity_header_alone_tells_them_apart(listener, path):
    assert call(listener, "CP2", GetConfigurationRequest(key=["NumberOfConnectors"]), path=path).configuration_key


def test_a_1_2_station_answers_1_2(listener):
    assert call(listener, "OLD", ClearCacheRequest(), Version.V12).status == "Accepted"


def test_a_1_2_station_does_not_have_the_operations_of_1_5(listener):
    with pytest.raises(Refused) as refused:
        call(listener, "OLD", GetLocalListVersionRequest(), Version.V15)
    assert isinstance(refused.value.fault, NotSupported)


def test_another_identity_is_a_mismatch(listener):
    for identity, path in (("NOBODY", None), ("CP2", "/Ocpp/ChargePointService/OLD")):
        with pytest.raises(Refused) as refused:
            call(listener, identity, ClearCacheRequest(), path=path)
        assert isinstance(refused.value.fault, IdentityMismatch)


def test_what_is_accepted_is_not_lost_with_what_a_station_takes_over_when_it_is_switched_on(
    schedule, central_system, handlers, tmp_path
):
    store = FileStorage(tmp_path / "station.db")
    before = Station("CP1", Version.V15, central_system, schedule, storage=store)
    before.start()
    before.stop()
    station = Station("CP1", Version.V15, central_system, schedule, storage=store)
    stations = Stations(handlers)
    tag = AuthorisationData(id_tag="TAG1", id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED))
    update = SendLocalListRequest(list_version=7, update_type=UpdateType.FULL, local_authorisation_list=[tag])
    with Listener(stations, server_settings(config.load(None, {}), Role.CHARGE_POINT), "127.0.0.1") as listener:
        with pytest.raises(TryLater):
            call(listener, "CP1", update)
        stations.add(station)
        with pytest.raises(TryLater):
            call(listener, "CP1", update)
        station.start()
        assert call(listener, "CP1", update).status == "Accepted"
        assert call(listener, "CP1", GetLocalListVersionRequest()).list_version == 7
        station.stop()
        with pytest.raises(TryLater):
            call(listener, "CP1", update)
    store.close()


def test_a_browser_gets_a_page(listener):
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
    connection.request("GET", "/Ocpp/ChargePointService")
    assert "ChargePointService" in connection.getresponse().read().decode()
    connection.close()


def test_a_port_that_is_taken_is_said(handlers):
    settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"listen 127.0.0.1:{port}: cannot be listened on: Address"):
            Listener(Stations(handlers), settings, "127.0.0.1", port)


def test_a_host_that_is_none_is_said(handlers):
    settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
    with pytest.raises(ConfigurationError, match=r"listen a\.\.b:0: cannot be listened on"):
        Listener(Stations(handlers), settings, "a..b")


def test_a_name_can_be_listened_on(handlers):
    settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
    with Listener(Stations(handlers), settings, "localhost") as listener:
        assert listener.port


def test_it_closes_although_a_client_keeps_its_connection(handlers):
    settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
    listener = Listener(Stations(handlers), settings, "127.0.0.1")
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
    connection.request("GET", "/Ocpp/ChargePointService")
    connection.getresponse().read()
    listener.close()
    connection.close()


def test_what_is_being_answered_is_answered_before_it_closes(handlers):
    called = threading.Event()

    def slow(application):
        def answer(environ, start_response):
            called.set()
            time.sleep(0.2)
            return application(environ, start_response)

        return answer

    settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
    listener = Listener(Stations(handlers), settings, "127.0.0.1", around=slow)
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(said, listener, b"GET /Ocpp/ChargePointService HTTP/1.1\r\nHost: cp\r\n\r\n")
        assert called.wait(5)
        listener.close()
        assert answer.result()[0] == 200


def test_the_callback_address_is_one_that_the_central_system_can_reach(handlers):
    settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
    with Listener(Stations(handlers), settings, "127.0.0.1") as listener:
        listener._host = "0.0.0.0"
        url = listener.url("CP1", Version.V12, "http://127.0.0.1:9/")
    assert url == f"http://127.0.0.1:{listener.port}/Ocpp/1.2/ChargePointService/CP1"


@pytest.mark.parametrize("url", ["http://no.such.host.invalid/", "http://127.0.0.1:99999/", "http://[::1/"])
def test_where_no_address_leads_to_the_central_system_that_is_said(listener, monkeypatch, url):
    monkeypatch.setattr(listener, "_host", "0.0.0.0")
    monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=socket.gaierror(-2, "Name or service not known")))
    with pytest.raises(Unreachable, match="no address of this machine leads to http"):
        listener.url("CP1", Version.V12, url)


def said(listener, request):
    """What the listener answers to the bytes of a request, which may end before their time."""
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.read().decode()


def test_what_is_too_large_is_refused_before_it_has_come(listener):
    head = b"POST /Ocpp/ChargePointService HTTP/1.1\r\nHost: cp\r\nContent-Length: "
    status, _ = said(listener, head + b"40000000\r\n\r\n")
    assert status == 413
    status, body = said(listener, head + b"17000000\r\n\r\n" + b" " * 17_000_000)
    assert (status, body) == (413, "The body is larger than 16777216 bytes.\n")


def test_a_websocket_is_refused_with_a_sentence(listener):
    head = b"GET /Ocpp/ChargePointService HTTP/1.1\r\nHost: cp\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    status, body = said(listener, head)
    assert status == 426
    assert "OCPP over WebSocket is not spoken here" in body


def test_a_central_system_that_closes_its_half_of_the_connection_is_answered(listener):
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as connection:
        connection.sendall(b"POST /Ocpp/ChargePointService/CP2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n<a")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
