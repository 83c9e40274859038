"""What we send: a valid envelope with every header once, and the HTTP headers that go with it."""

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from lxml import etree

from ocpp_soap import messages as m
from ocpp_soap.errors import BadAnswer, InvalidMessage, NotSupportedInVersion, Unreachable
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import codec, wsdl
from ocpp_soap.soap.client import ActionForm, Endpoint, client_for
from ocpp_soap.soap.namespaces import role_and_version

DATA = Path(__file__).parents[2] / "data"
TLS = DATA / "tls"
S, A = "{http://www.w3.org/2003/05/soap-envelope}", "{http://www.w3.org/2005/08/addressing}"
ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"
RESET = m.ResetRequest(type=m.ResetType.HARD)


def reset(endpoint, identity="CP001", version=Version.V15, **options):
    return client_for(Role.CHARGE_POINT, version).call(endpoint, identity, RESET, **options)


def golden(version):
    """Every request and confirmation of tests/data, as elements: (role, request, confirmation)."""
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    elements = list(etree.parse(DATA / f"golden_{version}.xml", parser).getroot())
    for request, confirmation in zip(elements[::2], elements[1::2], strict=True):
        role, _ = role_and_version(etree.QName(request).namespace)
        yield role, request, confirmation


@pytest.mark.parametrize("version", Version)
def test_every_action_is_sent_as_a_valid_body_and_its_answer_is_read(peer, http, envelope, version):
    answers = []
    server = peer(lambda _: http(envelope(answers.pop())))
    for role, request, confirmation in golden(version):
        action = next(a for a in m.actions(role) if codec.body_name(a.request) == etree.QName(request).localname)
        message = codec.decode(action.request, request, version, [])
        answers.append(etree.tostring(confirmation, encoding="unicode"))
        answer = client_for(role, version).call(Endpoint(server.url), "CP001", message)
        assert answer == codec.decode(action.response, confirmation, version, [])
        (sent,) = server.requests[-1].envelope.find(f"{S}Body")
        wsdl.schema(role, version).assertValid(sent)
        assert codec.decode(action.request, sent, version, []) == message
        assert server.requests[-1].envelope.find(f"{S}Header/{A}Action").text == f"/{action.name}"


ZONES = {
    "with seconds": timezone(timedelta(hours=5, minutes=30, seconds=15)),
    "west": timezone(timedelta(hours=-8)),
    "utc of another kind": timezone(timedelta(0), "GMT"),
}


@pytest.mark.parametrize("zone", ZONES.values(), ids=ZONES)
@pytest.mark.parametrize("version", Version)
def test_times_are_sent_in_utc_whatever_their_zone(peer, http, envelope, zone, version):
    moment = datetime(2012, 6, 8, 10, 0, 0, 123456, timezone.utc)
    meter_value = m.MeterValue(timestamp=moment.astimezone(zone), value=[m.SampledValue(value="7")])
    requests = [
        (Role.CHARGE_POINT, m.UpdateFirmwareRequest(retrieve_date=moment.astimezone(zone), location="ftp://x/y")),
        (Role.CENTRAL_SYSTEM, m.MeterValuesRequest(connector_id=1, values=[meter_value])),
    ]
    for role, request in requests:
        server = peer(http(b"", "500 Oops"))
        with pytest.raises(BadAnswer):
            client_for(role, version).call(Endpoint(server.url), "CP001", request)
        (sent,) = server.requests[0].envelope.find(f"{S}Body")
        wsdl.schema(role, version).assertValid(sent)
        assert b">2012-06-08T10:00:00.123456Z<" in server.requests[0].body


def test_a_time_without_zone_is_not_sent(peer, http):
    server = peer(http())
    request = m.UpdateFirmwareRequest(retrieve_date=datetime(2012, 6, 8), location="ftp://x/y")
    with pytest.raises(InvalidMessage, match="no zone"):
        client_for(Role.CHARGE_POINT, Version.V15).call(Endpoint(server.url), "CP001", request)
    assert server.connections == 0


def test_headers_are_there_once_each(peer, http, envelope):
    server = peer(http(envelope()))
    reset(Endpoint(server.url), "Säule 1", from_url="http://cs.example/Ocpp")
    (request,) = server.requests
    header = request.envelope.find(f"{S}Header")
    told = {child.tag: "".join(child.itertext()) for child in header}
    assert len(told) == len(header)
    assert told.pop(f"{A}MessageID").startswith("urn:uuid:")
    assert told == {
        "{urn://Ocpp/Cp/2012/06/}chargeBoxIdentity": "Säule 1",
        f"{A}Action": "/Reset",
        f"{A}From": "http://cs.example/Ocpp",
        f"{A}ReplyTo": ANONYMOUS,
        f"{A}To": server.url,
    }
    assert header.find(f"{A}From/{A}Address") is not None
    assert header.find(f"{A}ReplyTo/{A}Address") is not None


def test_http_headers(peer, http, envelope):
    server = peer(http(envelope()))
    reset(Endpoint(server.url))
    (request,) = server.requests
    assert request.line == "POST /Ocpp/ChargePointService?x=1 HTTP/1.1"
    assert request.header("Content-Type") == ['application/soap+xml; charset=utf-8; action="/Reset"']
    assert request.header("Host") == [f"127.0.0.1:{server.port}"]
    assert request.header("Accept-Encoding") == ["gzip, deflate"]
    assert request.header("Authorization") == []
    assert request.body.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")


def test_message_ids_differ_unless_given(peer, http, envelope):
    server = peer(http(envelope()))
    reset(Endpoint(server.url))
    reset(Endpoint(server.url))
    reset(Endpoint(server.url), message_id="urn:mine")
    first, second, third = (r.envelope.findtext(f"{S}Header/{A}MessageID") for r in server.requests)
    assert first != second
    assert third == "urn:mine"


@pytest.mark.parametrize(
    ("form", "sent"),
    [(ActionForm.SLASH, "/Reset"), (ActionForm.BARE, "Reset"), (ActionForm.QUALIFIED, "urn://Ocpp/Cp/2010/08/Reset")],
)
def test_action_in_the_form_of_the_profile(peer, http, envelope, form, sent):
    server = peer(http(envelope()))
    reset(Endpoint(server.url, action_form=form), version=Version.V12)
    (request,) = server.requests
    assert request.envelope.findtext(f"{S}Header/{A}Action") == sent
    assert request.header("Content-Type") == [f'application/soap+xml; charset=utf-8; action="{sent}"']


def test_soap_11_if_the_profile_says_so(peer, http, envelope):
    soap_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    server = peer(http(envelope(soap=soap_11)))
    reset(Endpoint(server.url, soap_version="1.1"))
    (request,) = server.requests
    assert request.header("Content-Type") == ["text/xml; charset=utf-8"]
    assert request.header("SOAPAction") == ['"/Reset"']
    assert request.envelope.tag == f"{{{soap_11}}}Envelope"
    assert [child.tag for child in request.envelope] == [f"{{{soap_11}}}Header", f"{{{soap_11}}}Body"]


def test_no_from_if_the_profile_says_so(peer, http, envelope):
    server = peer(http(envelope()))
    reset(Endpoint(server.url, send_from=False), from_url="http://cs.example/")
    assert server.requests[0].envelope.find(f"{S}Header/{A}From") is None


def test_basic_credentials_of_the_profile(peer, http, envelope):
    server = peer(http(envelope()))
    endpoint = Endpoint(server.url, username="cs", password="geheim:ü")
    reset(endpoint)
    assert server.requests[0].header("Authorization") == ["Basic Y3M6Z2VoZWltOsO8"]
    assert "geheim" not in repr(endpoint)


def test_credentials_in_a_url_are_neither_sent_nor_told(peer, http):
    server = peer(http(b"", "500 Oops"))
    with pytest.raises(Exception, match=r"CP001 at http://127\.0\.0\.1:") as error:
        reset(Endpoint(server.url.replace("http://", "http://user:secret@")))
    assert "secret" not in str(error.value)
    assert b"secret" not in server.requests[0].body


def test_proxies_and_netrc_of_the_environment_are_not_used(peer, http, envelope, monkeypatch, tmp_path):
    server = peer(http(envelope()))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    reset(Endpoint(server.url))
    assert server.requests[0].header("Authorization") == []


def server_tls(*, client_required=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem")
    if client_required:
        context.load_verify_locations(TLS / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_tls_against_the_ca_of_the_profile(peer, http, envelope):
    server = peer(http(envelope()), tls=server_tls())
    assert reset(Endpoint(server.url, ca_file=str(TLS / "ca.pem"))).status == "Accepted"


def test_tls_with_a_client_certificate(peer, http, envelope):
    server = peer(http(envelope()), tls=server_tls(client_required=True))
    certificate = str(TLS / "client.pem")
    endpoint = Endpoint(server.url, ca_file=str(TLS / "ca.pem"), client_certificate=certificate)
    assert reset(endpoint).status == "Accepted"


def test_tls_peers_of_an_unknown_ca_are_not_called(peer, http, envelope):
    server = peer(http(envelope()), tls=server_tls())
    with pytest.raises(Unreachable, match=r"CP001 at https://.* cannot be reached: TLS failed: .*issuer certificate"):
        reset(Endpoint(server.url))
    assert server.requests == []


@pytest.mark.parametrize(
    ("request_message", "error", "named"),
    [
        (
            m.ReserveNowRequest(connector_id=1, expiry_date=None, id_tag="", reservation_id=1),
            NotSupportedInVersion,
            "1.2",
        ),
        (m.RemoteStartTransactionRequest(id_tag="x" * 16), InvalidMessage, "at most 15"),
        (m.HeartbeatRequest(), InvalidMessage, "HeartbeatRequest is no request to the ChargePoint"),
        (m.ResetResponse(status="Accepted"), InvalidMessage, "ResetResponse is no request to the ChargePoint"),
    ],
)
def test_what_the_specification_forbids_is_not_sent(peer, http, request_message, error, named):
    server = peer(http())
    with pytest.raises(error, match=named):
        client_for(Role.CHARGE_POINT, Version.V12).call(Endpoint(server.url), "CP001", request_message)
    assert server.connections == 0


def test_an_identity_that_xml_cannot_carry_is_not_sent(peer, http):
    server = peer(http())
    with pytest.raises(InvalidMessage, match=r"chargeBoxIdentity: .* XML cannot carry"):
        reset(Endpoint(server.url), "CP\x00")
    assert server.connections == 0


def test_a_client_is_made_once_per_process():
    assert client_for(Role.CHARGE_POINT, Version.V15) is client_for(Role.CHARGE_POINT, Version.V15)
