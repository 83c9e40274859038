"""A SOAP server as a WSGI callable, envelopes typed by hand, and the schemas that every answer is held against."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pytest
from lxml import etree

from ocpp_soap import config
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings

SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
SERVICES = {
    "urn://Ocpp/Cs/2010/08/": (Role.CENTRAL_SYSTEM, Version.V12),
    "urn://Ocpp/Cs/2012/06/": (Role.CENTRAL_SYSTEM, Version.V15),
    "urn://Ocpp/Cp/2010/08/": (Role.CHARGE_POINT, Version.V12),
    "urn://Ocpp/Cp/2012/06/": (Role.CHARGE_POINT, Version.V15),
}


@dataclass
class Reply:
    """What came back; an envelope in it has been checked: the response against the schema of its service."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def envelope(self) -> Any:
        return etree.fromstring(self.body)

    @property
    def content(self) -> Any:
        (body,) = self.envelope.iter(f"{{{SOAP_12}}}Body", f"{{{SOAP_11}}}Body")
        (content,) = body
        namespace = etree.QName(content).namespace
        if namespace in SERVICES:
            wsdl.schema(*SERVICES[namespace]).assertValid(content)
        return content

    def header(self, name: str, namespace: str = WSA) -> str | None:
        return self.envelope.findtext(f"./{{*}}Header/{{{namespace}}}{name}")

    @property
    def fault(self) -> tuple[str, str, str]:
        """Code, subcode as {namespace}local, and reason of a SOAP 1.2 fault."""
        fault = self.content
        assert fault.tag == f"{{{SOAP_12}}}Fault", etree.tostring(fault)
        subcode = fault.find(f"{{{SOAP_12}}}Code/{{{SOAP_12}}}Subcode/{{{SOAP_12}}}Value")
        name = ""
        if subcode is not None:
            prefix, _, local = subcode.text.partition(":")
            name = f"{{{subcode.nsmap[prefix]}}}{local}"
        code = fault.findtext(f"{{{SOAP_12}}}Code/{{{SOAP_12}}}Value")
        assert code.startswith("S:")
        return code[2:], name, fault.findtext(f"{{{SOAP_12}}}Reason/{{{SOAP_12}}}Text")


@dataclass
class Service:
    """One SoapServer; ``calls`` are the calls that reached ``receive``."""

    role: Role
    answer: Any
    settings: Any
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.application = SoapServer(self.role, self.receive, self.settings)

    def receive(self, call: Call) -> Any:
        self.calls.append(call)
        return self.answer(call) if callable(self.answer) else self.answer

    def environ(self, method: str, path: str, body: bytes = b"", query: str = "", **environ: Any) -> dict[str, Any]:
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "9220",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/soap+xml; charset=utf-8",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }

    def request(self, method: str, path: str, body: bytes = b"", query: str = "", **environ: Any) -> Reply:
        started: list[Any] = []
        full = self.environ(method, path, body, query, **environ)
        pieces = self.application(full, lambda status, headers: started.append((status, headers)))
        status, headers = started[0]
        return Reply(int(status.split()[0]), dict(headers), b"".join(pieces))

    def post(self, envelope: str | bytes, path: str | None = None, **environ: Any) -> Reply:
        data = envelope.encode() if isinstance(envelope, str) else envelope
        return self.request("POST", path or f"/Ocpp/{self.role.title}Service", data, **environ)


def _envelope(
    body: str,
    *,
    headers: str = "",
    identity: str | None = "CB1",
    namespace: str = "urn://Ocpp/Cs/2012/06/",
    soap: str = SOAP_12,
) -> str:
    if identity is not None:
        headers = f"<c:chargeBoxIdentity>{identity}</c:chargeBoxIdentity>{headers}"
    return (
        f'<env:Envelope xmlns:env="{soap}" xmlns:c="{namespace}" xmlns:wsa="{WSA}">'
        f"<env:Header>{headers}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    )


@pytest.fixture
def envelope():
    """A function that wraps a body, whose prefix ``c`` is bound to ``namespace``, in an envelope."""
    return _envelope


@pytest.fixture
def service():
    """A function that makes a Service from what it is to answer; keywords replace settings."""

    def make(answer: Any = None, role: Role = Role.CENTRAL_SYSTEM, **environ: str) -> Service:
        return Service(role, answer, server_settings(config.load(None, environ), role))

    return make
