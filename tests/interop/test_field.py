"""What real stations send, and what attackers send: one file of ``field/`` for each oddity, through real HTTP.

A file holds the ``request`` as it goes over the wire, the ``answer`` to be expected, and what is ``stored`` then of the
charge box whose identity is the name of the file (or ``identity``). Answers are held against the schema.
"""

from __future__ import annotations

import gzip
import http.client
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from ocpp_soap.central_system.overview import overview
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl

FIELD = Path(__file__).parent / "field"
FILES = sorted(FIELD.glob("*.yaml"))
SOAP = {"1.2": "http://www.w3.org/2003/05/soap-envelope", "1.1": "http://schemas.xmlsoap.org/soap/envelope/"}
VERSIONS = {"urn://Ocpp/Cs/2010/08/": Version.V12, "urn://Ocpp/Cs/2012/06/": Version.V15}
CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": lambda data: zlib.compress(data)[2:-4],
}


def body_of(request: dict[str, Any]) -> bytes:
    text = request.get("envelope", "")
    for marker, filling, times in request.get("fill", []):
        text = text.replace(marker, filling * times)
    data = bytes.fromhex(request.get("before", "")) + text.encode(request.get("encoding", "utf-8"))
    return CODINGS.get(request.get("coding", ""), bytes)(data)


def send(port: int, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    if request.get("http") == "1.0":
        connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    body = body_of(request)
    connection.putrequest(
        request.get("method", "POST"), request.get("path", "/Ocpp/CentralSystemService"),
        skip_host=request.get("http") == "1.0", skip_accept_encoding=True,
    )  # fmt: skip
    headers = {"Content-Type": "application/soap+xml; charset=utf-8", **request.get("headers", {})}
    if request.get("coding"):
        headers["Content-Encoding"] = request["coding"].split()[-1]
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    try:
        if request.get("chunked"):
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders((body[at : at + 1000] for at in range(0, len(body), 1000)), encode_chunked=True)
        else:
            connection.putheader("Content-Length", request.get("length", str(len(body))))
            connection.endheaders(body)
    except (BrokenPipeError, ConnectionResetError):
        pass
    response = connection.getresponse()
    answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return answer


def check_answer(expected: dict[str, Any], status: int, headers: dict[str, str], body: bytes) -> None:
    assert status == expected.get("status", 200), body
    if "headers" in expected:
        assert {name: headers.get(name) for name in expected["headers"]} == expected["headers"]
    if not ({"response", "fault"} & set(expected)):
        assert b"Envelope" not in body
        assert expected.get("says", "") in body.decode()
        return
    soap = SOAP[expected.get("soap", "1.2")]
    envelope = etree.fromstring(body)
    (content,) = envelope.find(f"{{{soap}}}Body")
    name = etree.QName(content)
    if "response" in expected:
        assert name.localname == expected["response"], body
        wsdl.schema(Role.CENTRAL_SYSTEM, VERSIONS[name.namespace]).assertValid(content)
        assert str(VERSIONS[name.namespace]) == expected.get("version", "1.5")
        return
    assert name.localname == "Fault", body
    codes = [element.text.rpartition(":")[2] for element in content.iter(f"{{{soap}}}Value", "faultcode")]
    assert codes[-1] == expected["fault"]
    assert expected.get("says", "") in "".join(content.itertext())


def matches(stored: Any, expected: dict[str, Any]) -> dict[str, Any]:
    """Those attributes of a stored record that a fixture names, times as the fixture writes them."""
    found = {name: getattr(stored, name) for name in expected}
    return {
        name: value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value
        for name, value in found.items()
    }


def check_stored(expected: dict[str, Any], identity: str, system: Any) -> None:
    station = system.stations.get(identity)
    if expected is None:
        assert station is None
        return
    assert station is not None, f"{identity} was not registered"
    kinds = {key.split()[0] for key in station.oddities}
    assert kinds == set(expected.get("warnings", [])), station.oddities
    for name, stored in {
        "transactions": system.transactions.list(charge_box_identity=identity).items,
        "meter_values": [
            {"timestamp": sample["timestamp"].astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), **value}
            for record in system.meter_values.list(charge_box_identity=identity).items
            for sample in record.samples
            for value in sample["value"]
        ],
        "connectors": system.statuses.current(identity),
    }.items():
        wanted = expected.get(name, [])
        if name == "meter_values":
            assert stored == wanted
        else:
            assert [matches(record, row) for record, row in zip(stored, wanted, strict=True)] == wanted
    if "station" in expected:
        assert matches(station, expected["station"]) == expected["station"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_understood_or_refused_and_never_lost(file, served):
    fixture = yaml.safe_load(file.read_text("utf-8"))
    identity = fixture.get("identity", file.stem)
    before = len(served.system.kept.list(limit=1000).items)
    for earlier in fixture.get("earlier", []):
        assert send(served.port, earlier)[0] == 200
    check_answer(fixture["answer"], *send(served.port, fixture["request"]))
    check_stored(fixture["stored"], identity, served.system)
    assert len(served.system.kept.list(limit=1000).items) - before == fixture.get("kept", 0)


def test_every_file_says_what_it_is_about():
    assert len(FILES) > 80
    for file in FILES:
        fixture = yaml.safe_load(file.read_text("utf-8"))
        assert set(fixture) <= {"about", "earlier", "request", "answer", "stored", "identity", "kept"}, file.name
        assert fixture["about"].endswith("."), file.name


def test_a_clock_that_labels_local_time_as_utc_is_shown_as_skew(served):
    ahead = (datetime.now(timezone.utc) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    request = yaml.safe_load((FIELD / "soap-1.1.yaml").read_text("utf-8"))["request"]
    request["envelope"] = request["envelope"].replace("soap-1.1", "local-time").replace("2012-06-08T10:00:00Z", ahead)
    assert send(served.port, request)[0] == 200
    found = overview(served.system, "local-time")
    assert found is not None
    assert 7190 < found.clock_skew < 7210
