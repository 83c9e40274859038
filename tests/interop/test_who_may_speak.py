"""What a station was required to prove is asked of its messages as they come by HTTP."""

from __future__ import annotations

import base64
import http.client

import pytest

from ocpp_soap.central_system.access import Requirements

HEARTBEAT = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
    '<chargeBoxIdentity xmlns="urn://Ocpp/Cs/2012/06/">{}</chargeBoxIdentity></e:Header>'
    '<e:Body><heartbeatRequest xmlns="urn://Ocpp/Cs/2012/06/"/></e:Body></e:Envelope>'
)


def post(served, identity, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("POST", "/Ocpp/CentralSystemService", HEARTBEAT.format(identity).encode(), headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def basic(username, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.fixture
def required(served):
    """A function that creates a station of which something is required."""

    def make(identity, requirements, password=""):
        served.system.stations.allow(identity)
        assert served.system.access.require(identity, requirements, password) is not None
        return identity

    return make


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
    status, body = post(served, identity, **{"X-SSL-Client-S-DN": "CN=with-a-certificate"})
    assert (status, ":SecurityError<" in body) == (400, True)


def test_others_need_no_proof(served):
    assert post(served, "free-to-speak")[0] == 200
