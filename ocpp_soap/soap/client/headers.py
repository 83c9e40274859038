"""The SOAP headers of our requests (12/15 §8.1, §8.3) as a zeep plugin: identity and WS-Addressing, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from lxml import etree
from zeep.plugins import Plugin

from ocpp_soap.errors import InvalidMessage
from ocpp_soap.soap.client.endpoint import ActionForm, Endpoint
from ocpp_soap.soap.namespaces import SOAP_11, SOAP_12, WSA, WSA_ANONYMOUS


@dataclass
class RequestHeaders(Plugin):
    """Puts the headers of one request into the envelope that zeep made, in place of zeep's own.

    For an endpoint of SOAP 1.1 the envelope is turned into one.
    """

    endpoint: Endpoint
    namespace: str
    operation: str
    identity: str
    from_url: str
    message_id: str

    def egress(self, envelope: Any, http_headers: dict[str, str], operation: Any, binding_options: Any) -> Any:
        """Called by zeep before it sends."""
        soap = SOAP_11 if self.endpoint.soap_version == "1.1" else SOAP_12
        mended = etree.Element(f"{{{soap}}}Envelope", nsmap={"S": soap, "a": WSA, "c": self.namespace})
        self._fill(etree.SubElement(mended, f"{{{soap}}}Header"))
        body = etree.SubElement(mended, f"{{{soap}}}Body")
        body.extend(list(envelope.find(f"{{{SOAP_12}}}Body")))
        etree.cleanup_namespaces(mended)
        return mended, self._http_headers(soap)

    def _fill(self, header: Any) -> None:
        _add(header, self.namespace, "chargeBoxIdentity", self.identity)
        _add(header, WSA, "Action", self._action)
        _add(header, WSA, "MessageID", self.message_id or f"urn:uuid:{uuid4()}")
        if self.endpoint.send_from:
            _add(_add(header, WSA, "From"), WSA, "Address", self.from_url or WSA_ANONYMOUS)
        _add(_add(header, WSA, "ReplyTo"), WSA, "Address", WSA_ANONYMOUS)
        _add(header, WSA, "To", self.endpoint.address)

    @property
    def _action(self) -> str:
        return {ActionForm.SLASH: "/", ActionForm.BARE: "", ActionForm.QUALIFIED: self.namespace}[
            self.endpoint.action_form
        ] + self.operation

    def _http_headers(self, soap: str) -> dict[str, str]:
        common = {"Accept-Encoding": "gzip, deflate", "User-Agent": "ocpp-soap"}
        if soap == SOAP_11:
            return common | {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{self._action}"'}
        return common | {"Content-Type": f'application/soap+xml; charset=utf-8; action="{self._action}"'}


def _add(parent: Any, namespace: str, name: str, text: str | None = None) -> Any:
    element = etree.SubElement(parent, f"{{{namespace}}}{name}")
    try:
        element.text = text
    except ValueError:
        raise InvalidMessage(f"{name}: {text!r} holds a character that XML cannot carry") from None
    return element
