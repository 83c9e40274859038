"""What a station was required to prove is asked of its messages as they come by HTTP."""

from __future__ import annotations

import base64
import http.client
from functools import partial

import pytest

from ocpp_soap.central_system.access import Requirements
from ocpp_soap.central_system.replaying import replay

HEARTBEAT = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
    '<chargeBoxIdentity xmlns="urn://Ocpp/Cs/2012/06/">{}</chargeBoxIdentity></e:Header>'
    '<e:Body><heartbeatRequest xmlns="urn://Ocpp/Cs/2012/06/"/></e:Body></e:Envelope>'
)


def post(served, identity, envelope="", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("POST", "/Ocpp/CentralSystemService", (envelope or HEARTBEAT.format(identity)).encode(), headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def basic(username, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def require(served, identity, requirements, password=""):
    """Create a station of which something is required."""
    served.system.stations.allow(identity)
    assert served.system.access.require(identity, requirements, password) is not None
    return identity


@pytest.fixture
def required(served):
    return partial(require, served)


def test_a_password(served, required):
    identity = required("with-a-password", Requirements(username="with-a-password"), "pass:wörd")
    assert post(served, identity, **basic(identity, "pass:wörd"))[0] == 200
    for wrong in ({}, basic(identity, "password"), basic("somebody", "pass:wörd"), {"Authorization": "Basic !"}):
        status, body = post(served, identity, **wrong)
        assert (status, ":SecurityError<" in body) == (400, True)
        assert "wörd" not in body


def test_a_source_network(served, required):
    assert post(served, required("from-this-machine", Requirements(networks=["127.0.0.0/8"])))[0] == 200
    status, body = post(served, required("from-elsewhere", Requirements(networks=["10.0.0.0/8", "2001:db8::/32"])))
    assert (status, ":SecurityError<" in body) == (400, True)
    forged = post(served, "from-elsewhere", **{"X-Forwarded-For": "10.0.0.5"})
    assert forged[0] == 400


def test_a_certificate_cannot_be_claimed_by_the_sender(served, required):
    identity = required("with-a-certificate", Requirements(certificate_subject="CN=with-a-certificate"))
    status, body = post(served, identity, SSLClientSubject="CN=with-a-certificate")
    assert (status, ":SecurityError<" in body) == (400, True)


def test_a_certificate_told_by_a_trusted_proxy_counts(behind_a_proxy):
    required = Requirements(certificate_subject="CN=its-own,O=Acme")
    identity = require(behind_a_proxy, "told-by-a-proxy", required)
    for subject, status in (("O=Acme,OU=Cars,CN=its-own", 200), ("CN=another,O=Acme", 400), ("", 400)):
        assert post(behind_a_proxy, identity, SSLClientSubject=subject)[0] == status
    assert post(behind_a_proxy, identity)[0] == 400


@pytest.mark.parametrize("spelt", ["SSL-Client-Subject", "SSL_Client_Subject", "SSLClientSubject_"])
def test_a_header_without_hyphens_cannot_be_forged_by_another_spelling(behind_a_proxy, spelt):
    identity = require(behind_a_proxy, f"spelt-{spelt}", Requirements(certificate_subject="CN=its-own"))
    forged, told = {spelt: "CN=its-own"}, {"SSLClientSubject": "CN=another"}
    for headers in (forged, {**forged, **told}, {**told, **forged}):
        assert post(behind_a_proxy, identity, **headers)[0] == 400


def test_a_source_network_is_the_one_that_a_trusted_proxy_tells(behind_a_proxy):
    identity = require(behind_a_proxy, "told-from-where", Requirements(networks=["10.0.0.0/8"]))
    assert post(behind_a_proxy, identity, **{"X-Forwarded-For": "10.0.0.5"})[0] == 200
    assert post(behind_a_proxy, identity, **{"X-Forwarded-For": "10.0.0.5, 192.0.2.1"})[0] == 400
    assert post(behind_a_proxy, identity)[0] == 400


def test_meter_values_that_were_refused_are_stored_when_replayed(served, required):
    identity = required("replayed", Requirements(networks=["10.0.0.0/8"]))
    fields = (
        '<connectorId xmlns="urn://Ocpp/Cs/2012/06/">1</connectorId><values xmlns="urn://Ocpp/Cs/2012/06/">'
        "<timestamp>2012-06-08T10:00:00Z</timestamp><value>7</value></values>"
    )
    envelope = HEARTBEAT.format(identity).replace('<heartbeatRequest xmlns="urn://Ocpp/Cs/2012/06/"/>', fields)
    assert ":SecurityError<" in post(served, identity, envelope, SOAPAction='"/MeterValues"')[1]
    kept = [envelope for envelope in served.system.kept.list().items if envelope.charge_box_identity == identity]
    assert [(envelope.action, envelope.state) for envelope in kept] == [("MeterValues", "kept")]
    assert not served.system.meter_values.list(charge_box_identity=identity).items
    assert replay(served.system, kept[0]).outcome == "ok"
    (stored,) = served.system.meter_values.list(charge_box_identity=identity).items
    assert [value["value"] for sample in stored.samples for value in sample["value"]] == ["7"]
    assert served.system.kept.get(kept[0].id).state == "replayed"


def test_others_need_no_proof(served):
    assert post(served, "free-to-speak")[0] == 200
