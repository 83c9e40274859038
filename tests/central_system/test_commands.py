"""Calls to stations: what the central system decides before it sends, and that it really sends."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from structlog.testing import capture_logs

from ocpp_soap import config
from ocpp_soap.central_system.profiles import Profile
from ocpp_soap.errors import InvalidMessage, NoAddress, NotSupportedInVersion, Refused, SecurityError, Unreachable
from ocpp_soap.messages import (
    ClearCacheRequest,
    ClearCacheResponse,
    GetConfigurationRequest,
    GetConfigurationResponse,
    GetDiagnosticsRequest,
    GetDiagnosticsResponse,
    HeartbeatRequest,
    Role,
    Version,
)
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class CalledStation:
    """A real SOAP server in the role of a charge point that notes its calls and gives prepared answers."""

    def __init__(self):
        self.calls = []
        self.requests = []
        self.answers = {"ClearCache": ClearCacheResponse(status="Accepted")}

    def receive(self, call):
        self.calls.append(call)
        answer = self.answers[call.action.name]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def station():
    called = CalledStation()
    server = SoapServer(Role.CHARGE_POINT, called.receive, server_settings(config.load(None, {}), Role.CHARGE_POINT))

    def application(environ, start_response):
        called.requests.append(environ)
        return server(environ, start_response)

    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        called.url = f"http://127.0.0.1:{http.server_port}/Ocpp/ChargePointService"
        yield called
        http.shutdown()
        thread.join()


@pytest.fixture
def central_system(make_central_system):
    return make_central_system(
        CALLS__ALLOWED_NETWORKS='["127.0.0.0/8"]', SERVER__PUBLIC_URL="http://cs.example:9220/", CALLS__TIMEOUT="5"
    )


def test_a_station_that_is_not_known_cannot_be_called(central_system):
    with pytest.raises(NoAddress, match="CP404: no such station"):
        central_system.commands.call("CP404", ClearCacheRequest())


def test_a_station_without_address_is_named_with_what_to_do(central_system, send):
    send(HeartbeatRequest())
    with pytest.raises(NoAddress, match=r"CP001.*set-url CP001"):
        central_system.commands.call("CP001", ClearCacheRequest())


def test_an_action_that_the_stations_version_lacks_is_not_sent(central_system, send, station):
    send(HeartbeatRequest(), version=Version.V12, callback_url=station.url)
    with pytest.raises(NotSupportedInVersion, match=r"GetConfiguration does not exist in OCPP 1\.2, which CP001"):
        central_system.commands.call("CP001", GetConfigurationRequest())
    assert station.requests == []


def test_a_request_of_a_station_is_no_command(central_system, send):
    send(HeartbeatRequest())
    with pytest.raises(InvalidMessage, match="HeartbeatRequest"):
        central_system.commands.call("CP001", HeartbeatRequest())


@pytest.mark.parametrize("version", list(Version))
def test_a_station_is_called_in_its_version_at_the_address_it_gave(central_system, send, station, version):
    send(HeartbeatRequest(), version=version, callback_url=station.url)
    assert central_system.commands.call("CP001", ClearCacheRequest()).status == "Accepted"
    (call,) = station.calls
    assert (call.charge_box_identity, call.version, call.action.name) == ("CP001", version, "ClearCache")
    assert call.callback_url == "http://cs.example:9220/Ocpp/CentralSystemService"


def test_a_station_that_never_spoke_is_called_in_1_5_where_the_operator_says(central_system, station):
    central_system.stations.allow("CP001")
    central_system.stations.set_url("CP001", station.url)
    station.answers["GetConfiguration"] = GetConfigurationResponse(unknown_key=["x"])
    assert central_system.commands.call("CP001", GetConfigurationRequest(key=["x"])).unknown_key == ["x"]


def test_a_station_is_called_by_the_identity_that_it_uses(central_system, send, station):
    central_system.stations.allow("CP001")
    send(HeartbeatRequest(), "cp001", callback_url=station.url)
    central_system.commands.call("CP001", ClearCacheRequest())
    assert [call.charge_box_identity for call in station.calls] == ["cp001"]


def test_a_station_is_called_by_its_profile(central_system, send, station):
    send(HeartbeatRequest(), callback_url=station.url)
    profile = Profile(soap_version="1.1", action_form="bare", send_from=False, username="cs")
    central_system.profiles.set("CP001", profile, "secret")
    central_system.commands.call("CP001", ClearCacheRequest())
    (environ,) = station.requests
    assert environ["CONTENT_TYPE"].startswith("text/xml")
    assert environ["HTTP_SOAPACTION"].strip('"') == "ClearCache"
    assert environ["HTTP_AUTHORIZATION"].startswith("Basic ")
    assert station.calls[0].callback_url == ""
    assert "secret" not in repr(central_system.stations.get("CP001"))
    central_system.profiles.set("CP001", Profile())
    central_system.commands.call("CP001", ClearCacheRequest())
    assert "HTTP_AUTHORIZATION" not in station.requests[1]


@pytest.mark.parametrize("profile", [Profile(soap_version="1.3"), Profile(action_form="x"), Profile(timeout=-1)])
def test_what_cannot_be_a_profile_is_refused(central_system, profile):
    with pytest.raises(ValueError, match="expected"):
        central_system.profiles.set("CP001", profile)


def test_this_machine_is_not_called_unless_that_is_allowed(make_central_system, send, station):
    guarded = make_central_system()
    send(HeartbeatRequest(), to=guarded, callback_url=station.url)
    with pytest.raises(NoAddress):
        guarded.commands.call("CP001", ClearCacheRequest())
    assert station.requests == []


def test_every_call_is_in_the_journal_with_its_outcome(central_system, send, station):
    send(HeartbeatRequest(), callback_url=station.url)
    central_system.commands.call("CP001", ClearCacheRequest())
    station.answers["ClearCache"] = SecurityError()
    with pytest.raises(Refused):
        central_system.commands.call("CP001", ClearCacheRequest())
    central_system.stations.set_url("CP001", "http://127.0.0.1:1/")
    with pytest.raises(Unreachable):
        central_system.commands.call("CP001", ClearCacheRequest())
    central_system.journal.flush()
    entries = central_system.journal.list(charge_box_identity="CP001").items
    assert [(entry.direction, entry.action, entry.outcome) for entry in entries] == [
        ("out", "ClearCache", "ok"),
        ("out", "ClearCache", "Refused"),
        ("out", "ClearCache", "Unreachable"),
    ]
    assert entries[0].milliseconds > 0
    assert [entry.status for entry in entries] == [200, 400, None]
    assert entries[0].bytes_in > 100 < entries[0].bytes_out
    assert (entries[0].request, entries[0].response) == (None, None)
    assert entries[2].reason.startswith("CP001 at http://127.0.0.1:1/")


@pytest.mark.parametrize("switch", ["JOURNAL__ENVELOPES", "LOG__PAYLOAD"])
def test_the_envelopes_of_a_call_are_told_only_where_that_is_on(make_central_system, send, station, switch):
    system = make_central_system(**{"CALLS__ALLOWED_NETWORKS": '["127.0.0.0/8"]', switch: "true"})
    send(HeartbeatRequest(), to=system, callback_url=station.url)
    with capture_logs() as logs:
        system.commands.call("CP001", ClearCacheRequest())
    system.journal.flush()
    (entry,) = system.journal.list(charge_box_identity="CP001").items
    told = entry if switch == "JOURNAL__ENVELOPES" else SimpleNamespace(**logs[0])
    assert "clearCacheRequest" in told.request
    assert "Accepted" in told.response
    assert (entry.request is None) == (switch == "LOG__PAYLOAD")
    assert bool(logs) == (switch == "LOG__PAYLOAD")


@pytest.mark.parametrize("switch", ["JOURNAL__ENVELOPES", "LOG__PAYLOAD"])
def test_the_envelopes_of_a_call_are_told_without_the_password_of_its_url(make_central_system, send, station, switch):
    system = make_central_system(**{"CALLS__ALLOWED_NETWORKS": '["127.0.0.0/8"]', switch: "true"})
    send(HeartbeatRequest(), to=system, callback_url=station.url)
    station.answers["GetDiagnostics"] = GetDiagnosticsResponse(file_name="log.zip")
    with capture_logs() as logs:
        system.commands.call("CP001", GetDiagnosticsRequest(location="ftp://fe41:bfd6@127.0.0.1:2121/"))
    system.journal.flush()
    (entry,) = system.journal.list(charge_box_identity="CP001").items
    told = entry if switch == "JOURNAL__ENVELOPES" else SimpleNamespace(**logs[0])
    assert "ftp://fe41:…@127.0.0.1:2121/" in told.request
