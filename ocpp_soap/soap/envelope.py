"""SOAP envelopes: reading them leniently, writing ours as bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import Fault, ProtocolError
from ocpp_soap.messages import Version
from ocpp_soap.soap.addressing import Headers, read_headers
from ocpp_soap.soap.bounds import Limits, check_depth, check_header
from ocpp_soap.soap.codec.notes import note
from ocpp_soap.soap.faults import MustUnderstand, VersionMismatch, fault_body, fault_header
from ocpp_soap.soap.namespaces import (
    SOAP_11,
    SOAP_12,
    WSA_2004,
    WSA_2004_ANONYMOUS,
    WSA_ANONYMOUS,
    WSA_FAULT,
    namespace_in,
)
from ocpp_soap.soap.parsing import html_root, parse

Element = Any

CONTENT_TYPES = {SOAP_12: "application/soap+xml; charset=utf-8", SOAP_11: "text/xml; charset=utf-8"}
_BEGINNING = 4096
"""Bytes of a body that cannot be read in which namespaces are looked for."""
WSA_2004_FAULT = f"{WSA_2004}/fault"

_ENVELOPES = {f"{{{namespace}}}Envelope": namespace for namespace in (SOAP_12, SOAP_11)}
_HEADER_AND_BODY = {namespace: (f"{{{namespace}}}Header", f"{{{namespace}}}Body") for namespace in _ENVELOPES.values()}


@dataclass(slots=True)
class Envelope:
    """A message as read: the SOAP version by its namespace, the headers, and the elements Header and (first) Body.

    There is always enough of it for a fault that answers in kind, also where there is no Body or too much of something.
    """

    soap_namespace: str
    headers: Headers
    root: Element
    header: Element | None
    body: Element
    bodies: int

    def read_headers(self, limits: Limits, warnings: list[MessageWarning]) -> None:
        """Fill in ``headers``. Raises as :func:`ocpp_soap.soap.addressing.read_headers` does."""
        if self.header is not None:
            read_headers(self.headers, self.header, self.soap_namespace, limits.max_identity, warnings)

    def check(self, data: bytes, limits: Limits) -> None:
        """Raise MustUnderstand or ProtocolError for what the headers, which are read, demand or hold too much of.

        ProtocolError too unless there is one Body and nothing is too deep; ``data``: its bytes.
        """
        if self.headers.not_understood:
            raise MustUnderstand(self.headers.not_understood)
        check_depth(self.root, data, limits.max_depth)
        if self.body is None:
            raise ProtocolError("The envelope has no Body.", kind="no_body")
        if self.bodies > 1:
            raise ProtocolError("The envelope has two Bodies; expected one.", kind="two_bodies")
        if self.header is not None and len(data) > limits.max_header:
            check_header(self.header, limits.max_header)


def open_envelope(data: bytes, warnings: list[MessageWarning], charset: str = "") -> Envelope:
    """Parse an envelope of SOAP 1.2 or 1.1 from the bytes of an HTTP body; it is still to be read and checked.

    Raises ProtocolError for what is not one, VersionMismatch for an envelope of another SOAP version.
    """
    root = parse(data, warnings, charset)
    soap_namespace = _ENVELOPES.get(root.tag)
    if soap_namespace is None:
        raise _not_an_envelope(root)
    return _parts(root, soap_namespace, warnings)


def unread_envelope(data: bytes) -> Envelope:
    """What the beginning of a body that cannot be read tells of its versions; SOAP 1.2 if it tells nothing."""
    beginning = data[:_BEGINNING].replace(b"\0", b"")
    soap_namespace = SOAP_11 if SOAP_11.encode() in beginning else SOAP_12
    return Envelope(soap_namespace, Headers(identity_namespace=namespace_in(beginning)), None, None, None, 0)


def write_response(request: Envelope, action: str, body: str) -> bytes:
    """The envelope that answers ``request``: in its SOAP version, with ``action`` and the XML of the body's child."""
    return _write(request.soap_namespace, request.headers, action, body)


def write_fault(fault: Fault, version: Version, request: Envelope) -> bytes:
    """The envelope of a fault that answers ``request``, in its SOAP version."""
    soap_namespace, headers = request.soap_namespace, request.headers
    action = WSA_2004_FAULT if headers.namespace == WSA_2004 else WSA_FAULT
    block = fault_header(fault) if soap_namespace == SOAP_12 else ""
    return _write(soap_namespace, headers, action, fault_body(fault, soap_namespace, version), block)


def _write(soap_namespace: str, request: Headers, action: str, body: str, block: str = "") -> bytes:
    relates_to = f"<a:RelatesTo>{_escaped(request.message_id)}</a:RelatesTo>" if request.message_id else ""
    anonymous = WSA_2004_ANONYMOUS if request.namespace == WSA_2004 else WSA_ANONYMOUS
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<S:Envelope xmlns:S="{soap_namespace}" xmlns:a="{request.namespace}"><S:Header>'
        f"<a:Action>{action}</a:Action><a:MessageID>{_message_id()}</a:MessageID>{relates_to}"
        f"<a:To>{anonymous}</a:To>{block}</S:Header><S:Body>{body}</S:Body></S:Envelope>"
    ).encode()


def _escaped(text: str) -> str:
    return escape(text) if "&" in text or "<" in text or ">" in text else text


def _message_id() -> str:
    """A URN of a random UUID (RFC 9562, version 4): unique, not secret, and no system call, which would cost more."""
    digits = f"{random.getrandbits(128):032x}"
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _parts(root: Element, soap_namespace: str, warnings: list[MessageWarning]) -> Envelope:
    children = root[:]
    if len(children) == 2 and (children[0].tag, children[1].tag) == _HEADER_AND_BODY[soap_namespace]:
        return Envelope(soap_namespace, Headers(), root, children[0], children[1], 1)
    found: dict[str, list[Element]] = {"Header": [], "Body": []}
    for child in children:
        namespace, local = _names(child.tag)
        if namespace != soap_namespace:
            note(warnings, "envelope_child", local, namespace)
        found.get(local, []).append(child)
    header, body = (next(iter(elements), None) for elements in found.values())
    return Envelope(soap_namespace, Headers(), root, header, body, len(found["Body"]))


def _names(tag: str) -> tuple[str, str]:
    namespace, _, local = tag[1:].rpartition("}") if tag[:1] == "{" else ("", "", tag)
    return namespace, local


def _not_an_envelope(root: Element) -> Fault:
    namespace, local = _names(root.tag)
    page = html_root(root)
    if page is not None:
        return page
    if local == "Envelope" and namespace:
        return VersionMismatch(kind="version_mismatch")
    root_is = f"{local[:100]!r}" if namespace or local != "Envelope" else "an Envelope without namespace"
    return ProtocolError(f"The body is XML but no SOAP envelope: its root is {root_is}.", kind="not_an_envelope")
