"""Quirks of stations in the field, seen on the wire and understood by our central system's reader."""

from __future__ import annotations

import http.client
import threading
from datetime import datetime, timezone

import pytest
from lxml import etree
from station_fixtures import CentralSystemDouble

from ocpp_soap import config
from ocpp_soap.charge_point import SteppedScheduler, fleet, simulation
from ocpp_soap.charge_point.faults import Injection
from ocpp_soap.charge_point.fleet import Simulation
from ocpp_soap.charge_point.listener import Listener, Stations
from ocpp_soap.charge_point.quirks import LONG_SERIAL, QUIRKS, Letter, Profile, envelope, http_headers, profile
from ocpp_soap.charge_point.quirky_answers import QuirkyAnswers
from ocpp_soap.charge_point.simulation import SimulationOptions
from ocpp_soap.charge_point.simulator import run_simulation
from ocpp_soap.charge_point.station import Station
from ocpp_soap.dispatch import Handlers
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.namespaces import SOAP_11, SOAP_12, WSA
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings

CS = "urn://Ocpp/Cs/2012/06/"
CP = "urn://Ocpp/Cp/2012/06/"


def written(*names, body=f'<bootNotificationRequest xmlns="{CS}"><a>1</a><b>2</b></bootNotificationRequest>'):
    letter = Letter(
        Version.V15, "CB1", "BootNotification", "http://cs/", "http://cp.example:9221/x", etree.fromstring(body)
    )
    return etree.fromstring(envelope(letter, profile(names))), http_headers(letter, profile(names))


def text(root, name, namespace=WSA):
    return root.findtext(f".//{{{namespace}}}{name}")


def test_without_quirks_the_envelope_is_as_the_specification_wants_it():
    root, headers = written()
    assert root.tag == f"{{{SOAP_12}}}Envelope"
    assert text(root, "chargeBoxIdentity", CS) == "CB1"
    assert text(root, "Action") == "/BootNotification"
    assert text(root, "From/{%s}Address" % WSA) == "http://cp.example:9221/x"  # noqa: UP031
    assert headers["Content-Type"].endswith('action="/BootNotification"')


def test_soap_1_1():
    root, headers = written("soap11")
    assert root.tag == f"{{{SOAP_11}}}Envelope"
    assert headers == {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"/BootNotification"'}


def test_no_addressing_leaves_the_identity_alone():
    root, _ = written("no-addressing")
    assert [etree.QName(e).localname for e in root[0]] == ["chargeBoxIdentity"]


@pytest.mark.parametrize(
    ("name", "address"), [("from-no-host", "http://:9221/x"), ("from-localhost", "http://localhost:9221/x")]
)
def test_forms_of_from(name, address):
    assert address in etree.tostring(written(name)[0]).decode()


def test_from_as_text_has_no_address():
    root, _ = written("from-text")
    assert text(root, "From") == "http://cp.example:9221/x"
    assert len(root.find(f".//{{{WSA}}}From")) == 0


def test_headers_in_the_default_namespace():
    root, _ = written("default-namespace")
    assert {etree.QName(e).namespace for e in root[0].iter()} == {SOAP_12}


def test_the_identity_in_the_namespace_of_the_charge_point():
    assert text(written("identity-cp")[0], "chargeBoxIdentity", CP) == "CB1"


def test_forms_of_message_id_and_action():
    assert text(written("message-id-number")[0], "MessageID").isdigit()
    assert text(written("message-id-spaces")[0], "MessageID").startswith("\n   urn:uuid:")
    assert text(written("full-action")[0], "Action") == f"{CS}BootNotification"


def test_bodies():
    assert [e.text for e in written("out-of-order")[0][1][0]] == ["2", "1"]
    assert text(written("long-serial")[0], "chargePointSerialNumber", CS) == LONG_SERIAL
    assert len(LONG_SERIAL) == 26
    status = f'<s xmlns="{CS}"><status>Occupied</status><errorCode>GroundFailure</errorCode>'
    status += "<timestamp>2026-01-05T12:00:00Z</timestamp></s>"
    assert text(written("unknown-error-codes", body=status)[0], "errorCode", CS) == "VendorError17"
    assert text(written("lower-case", body=status)[0], "status", CS) == "occupied"
    assert text(written("local-time", body=status)[0], "timestamp", CS) == "2026-01-05T14:00:00Z"


def test_an_unknown_quirk_is_named():
    with pytest.raises(ConfigurationError, match="polite"):
        profile(["polite"])


class TestAnswers:
    @pytest.fixture
    def ask(self, schedule, central_system, handlers):
        """Ask a station with the given quirks for its configuration, byte by byte."""

        def ask(*names, html=0.0):
            stations = Stations(handlers)
            station = Station("CB1", Version.V15, central_system, schedule)
            station.start()
            stations.add(station)
            injection = Injection(html=html)
            settings = server_settings(config.load(None, {}), Role.CHARGE_POINT)
            body = (
                f'<S:Envelope xmlns:S="{SOAP_12}" xmlns:a="{WSA}" xmlns:c="{CP}"><S:Header>'
                "<c:chargeBoxIdentity>CB1</c:chargeBoxIdentity><a:MessageID>m1</a:MessageID></S:Header>"
                "<S:Body><c:getConfigurationRequest/></S:Body></S:Envelope>"
            )
            with Listener(
                stations, settings, "127.0.0.1", around=lambda app: QuirkyAnswers(app, profile(names), injection)
            ) as listener:
                connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
                connection.request("POST", "/Ocpp/ChargePointService", body, {"Content-Type": "application/soap+xml"})
                answer = connection.getresponse().read()
                connection.close()
            return answer

        return ask

    def test_usual(self, ask):
        assert text(etree.fromstring(ask()), "RelatesTo") == "m1"

    def test_without_header(self, ask):
        root = etree.fromstring(ask("answer-no-header"))
        assert [etree.QName(e).localname for e in root] == ["Body"]

    def test_without_relates_to(self, ask):
        root = etree.fromstring(ask("answer-no-relates-to"))
        assert text(root, "RelatesTo") is None
        assert text(root, "Action") == "/GetConfigurationResponse"

    def test_numeric_booleans(self, ask):
        root = etree.fromstring(ask("numeric-booleans"))
        assert {e.text for e in root.iter(f"{{{CP}}}readonly")} == {"0", "1"}

    def test_html(self, ask):
        assert b"<html>" in ask(html=1.0)


@pytest.fixture(scope="module")
def received():
    return []


@pytest.fixture(scope="module")
def url(received):
    schedule = SteppedScheduler(datetime.now(timezone.utc))
    answer = CentralSystemDouble(schedule)

    def receive(call):
        received.append(call)
        return answer(call.request)

    settings = server_settings(config.load(None, {}), Role.CENTRAL_SYSTEM)
    soap = SoapServer(Role.CENTRAL_SYSTEM, receive, settings)
    with Listener(Stations(Handlers({}, {})), settings, "127.0.0.1", around=lambda _application: soap) as listener:
        yield f"http://127.0.0.1:{listener.port}/Ocpp/CentralSystemService"


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("name", QUIRKS)
def test_our_central_system_understands_every_quirk(url, received, version, name):
    received.clear()
    options = SimulationOptions(central_url=url, version=version, quirks=(name,), duration=0.05)
    summary = run_simulation(options, config.load(None, {}))
    assert summary.ok, summary.problems
    assert summary.errors == 0
    assert {call.charge_box_identity for call in received} == {"CP001"}
    assert {call.version for call in received} == {version}


class TestInjection:
    def test_it_is_read_from_a_text(self):
        assert Injection.of("drop=0.1, delay=2,seed=7") == Injection(drop=0.1, delay=2.0, seed=7)
        assert Injection.of("") == Injection()

    @pytest.mark.parametrize(
        "wrong", ["drop", "drop=2", "explode=1", "delay=-1", "drop=often", "seed=nan", "delay=inf"]
    )
    def test_what_is_wrong_is_said(self, wrong):
        with pytest.raises(ConfigurationError, match=wrong.split("=")[0]):
            Injection.of(wrong)

    def test_a_session_survives_an_unreliable_line_and_arrives_once(self, sink, monkeypatch):
        monkeypatch.setattr(simulation, "SHORTEST_CHARGE", 0.1)
        monkeypatch.setattr(fleet, "charging_times", lambda _duration: (0.3, 0.6))
        monkeypatch.setattr(fleet, "_RETRIES", fleet.Backoff(first=0.02, longest=0.1))
        injection = Injection(drop=0.25, duplicate=0.25, cut=0.25, delay=0.01, seed=3)
        options = SimulationOptions(central_url=sink.url, scenario="charge", count=4, duration=0.8, injection=injection)
        with Simulation(options, config.load(None, {})) as simulated:
            simulated.run(threading.Event())
            simulated.deliver()
            summary = simulated.summary()
        assert summary.ok, summary.problems
        assert summary.errors > 0
        stops = [etree.tostring(r, method="c14n") for i, _, o, r in sink.requests if o == "stopTransaction"]
        assert len(set(stops)) <= len(stops)
        assert (
            len({(i, etree.tostring(r, method="c14n")) for i, _, o, r in sink.requests if o == "stopTransaction"}) == 4
        )

    def test_no_injection_changes_nothing(self):
        assert not Injection(html=1.0).any
        assert Profile() == profile([])
