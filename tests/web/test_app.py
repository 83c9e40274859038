"""The web application: who answers which path."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from ocpp_soap import config
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.web.app import Application, central_system_application

HEARTBEAT = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
    '<chargeBoxIdentity xmlns="urn://Ocpp/Cs/2012/06/">CB1</chargeBoxIdentity></e:Header>'
    '<e:Body><heartbeatRequest xmlns="urn://Ocpp/Cs/2012/06/"/></e:Body></e:Envelope>'
)


@pytest.fixture
def application(tmp_path, request):
    variables = {"OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "store.sqlite"), **getattr(request, "param", {})}
    settings = config.load(None, variables)
    application = central_system_application(settings)
    yield application
    application.close()


def request(application, method, path, body=b"", **values):
    started = []
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": "cs.example",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "", "REMOTE_ADDR": "127.0.0.1", **values,
    }  # fmt: skip
    body = b"".join(application(environ, lambda status, headers: started.append((status, dict(headers)))))
    return (*started[0], body.decode())


@pytest.mark.parametrize("path", ["/Ocpp/CentralSystemService", "/Ocpp/1.2/CentralSystemService/CB1"])
def test_soap_goes_to_the_central_system(application, path):
    status, headers, body = request(application, "POST", path, HEARTBEAT.encode())
    assert (status, headers["Content-Type"]) == ("200 OK", "application/soap+xml; charset=utf-8")
    assert "currentTime" in body


START = HEARTBEAT.replace(
    '<heartbeatRequest xmlns="urn://Ocpp/Cs/2012/06/"/>',
    '<startTransactionRequest xmlns="urn://Ocpp/Cs/2012/06/"><connectorId>1</connectorId><idTag>A</idTag>'
    "<timestamp>2012-06-08T10:00:00Z</timestamp><meterStart>1</meterStart></startTransactionRequest>",
)


@pytest.mark.parametrize(
    "envelope", [HEARTBEAT.replace("CB1", "CB2"), START, START.replace("<meterStart>1", "<meterStart>x")]
)
def test_what_comes_while_the_process_ends_is_to_be_sent_again(tmp_path, envelope):
    variables = {"OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "store.sqlite")}
    application = central_system_application(config.load(None, variables))
    assert request(application, "POST", "/Ocpp/CentralSystemService", HEARTBEAT.encode())[0] == "200 OK"
    application.close()
    status, headers, body = request(application, "POST", "/Ocpp/CentralSystemService", envelope.encode())
    assert (status, "Retry-After" in headers) == ("503 Service Unavailable", True)
    assert "Envelope" not in body


@pytest.mark.parametrize("application", [{"OCPP_SOAP__LIMITS__ADDRESS_MESSAGES_PER_MINUTE": "3"}], indirect=True)
def test_whatever_comes_from_an_address_counts_and_what_is_too_much_is_not_read(application):
    for body in (HEARTBEAT.encode(), b"<a>", b"no XML"):
        assert request(application, "POST", "/Ocpp/CentralSystemService", body)[0] != "429 Too Many Requests"
    for body in (HEARTBEAT.encode(), b"<a>"):
        unread = io.BytesIO(body)
        found = request(application, "POST", "/Ocpp/CentralSystemService", body, **{"wsgi.input": unread})
        assert found[0] == "429 Too Many Requests"
        assert 1 <= int(found[1]["Retry-After"]) <= 20
        assert unread.tell() == 0
    assert request(application, "GET", "/Ocpp/CentralSystemService")[0] == "200 OK"
    other = request(application, "POST", "/Ocpp/CentralSystemService", HEARTBEAT.encode(), REMOTE_ADDR="10.0.0.9")
    assert other[0] == "200 OK"


def test_the_front_page_names_the_urls(application):
    status, headers, body = request(application, "GET", "/")
    assert (status, headers["Content-Type"]) == ("200 OK", "text/plain; charset=utf-8")
    assert "/Ocpp/CentralSystemService" in body


def test_an_unknown_path_is_told_the_right_ones(application):
    status, _, body = request(application, "POST", "/ocpp")
    assert status == "404 Not Found"
    assert "/Ocpp/1.5/CentralSystemService" in body


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_pages_are_read_only(application, path):
    status, headers, _ = request(application, "POST", path)
    assert (status, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_readiness_tells_of_the_store(application):
    status, headers, body = request(application, "GET", "/readyz")
    assert (status, headers["Content-Type"]) == ("200 OK", "application/json; charset=utf-8")
    assert json.loads(body)["status"] == "ok"
    assert json.loads(body)["store"]["backend"] == "file"


def test_readiness_fails_with_the_store_and_health_does_not():
    def check():
        raise StoreUnavailable("the disk is full")

    application = Application([], check, lambda: None)
    assert request(application, "GET", "/healthz")[0] == "200 OK"
    status, _, body = request(application, "GET", "/readyz")
    assert status == "503 Service Unavailable"
    assert json.loads(body) == {"status": "store unavailable", "reason": "the disk is full"}


def test_a_head_request_gets_no_body(application):
    status, headers, body = request(application, "HEAD", "/")
    assert (status, body) == ("200 OK", "")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("application", "logged"),
    [({"OCPP_SOAP__LOG__PAYLOAD": "true"}, 1), ({"OCPP_SOAP__LOG__PAYLOAD": "false"}, 0)],
    indirect=["application"],
)
def test_envelopes_are_logged_if_the_configuration_says_so(application, logged):
    with capture_logs() as log:
        request(application, "POST", "/Ocpp/CentralSystemService", HEARTBEAT.encode())
    found = [entry for entry in log if entry["event"] == "request"]
    assert [(entry["request"], "heartbeatResponse" in entry["response"]) for entry in found] == [
        (HEARTBEAT, True)
    ] * logged


def test_without_its_extra_the_api_says_what_to_install(application, monkeypatch):
    monkeypatch.setitem(sys.modules, "ocpp_soap.web.api.app", None)
    status, _, body = request(application, "GET", "/api/v1/stations")
    assert status == "501 Not Implemented"
    assert "pip install 'ocpp-soap[api]'" in body


def test_soap_loads_nothing_of_the_api():
    program = (
        "import sys, ocpp_soap.web.app, ocpp_soap.wsgi\n"
        "print([name for name in ('flask', 'apiflask', 'ocpp_soap.web.api') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_what_cannot_be_stored_at_the_end_of_a_process_is_told_in_a_line(tmp_path, monkeypatch):
    variables = {
        "OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "store.sqlite"),
        "OCPP_SOAP__METRICS__ENABLED": "false",
    }
    application = central_system_application(config.load(None, variables))
    assert request(application, "POST", "/Ocpp/CentralSystemService", HEARTBEAT.encode())[0] == "200 OK"

    def full(*_, **__):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(FileStorage, "write", full)
    with capture_logs() as said:
        application.end()
    lines = [line for line in said if line["event"] == "not everything could be stored at the end"]
    assert [(line["log_level"], line["reason"]) for line in lines] == [("error", "the disk is full")]
