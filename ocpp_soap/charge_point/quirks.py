"""Quirks of stations in the field, by name, and the envelopes that a station with some of them writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from lxml import etree

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.namespaces import SOAP_11, SOAP_12, WSA, WSA_ANONYMOUS, service_namespace

LOCAL_OFFSET = timedelta(hours=2)
LONG_SERIAL = "SN-0123456789-ABCDEFGHIJKL"
_CHOICES = ("status", "errorCode")
_CHOICE_ATTRIBUTES = ("context", "format", "measurand", "location", "unit")


@dataclass(frozen=True)
class Profile:
    """How a station writes. The defaults are what the specification asks for."""

    soap11: bool = False
    addressing: bool = True
    sender_form: str = "address"
    default_namespace: bool = False
    identity_role: Role = Role.CENTRAL_SYSTEM
    message_id: str = "urn:uuid:{uuid}"
    full_action: bool = False
    out_of_order: bool = False
    long_serial: bool = False
    unknown_error_codes: bool = False
    local_time: bool = False
    lower_case: bool = False
    http10: bool = False
    numeric_booleans: bool = False
    answer_header: bool = True
    answer_relates_to: bool = True


QUIRKS: dict[str, tuple[str, dict[str, Any]]] = {
    "soap11": ("SOAP 1.1 only", {"soap11": True}),
    "no-addressing": ("no WS-Addressing at all", {"addressing": False}),
    "from-no-host": ("From is a URL without host", {"sender_form": "no_host"}),
    "from-localhost": ("From says localhost", {"sender_form": "localhost"}),
    "from-text": ("From is text without Address", {"sender_form": "text"}),
    "default-namespace": ("all headers in the default namespace", {"default_namespace": True}),
    "identity-cp": ("chargeBoxIdentity in the namespace of the charge point", {"identity_role": Role.CHARGE_POINT}),
    "message-id-number": ("MessageID is a bare number", {"message_id": "{number}"}),
    "message-id-spaces": ("spaces around the MessageID", {"message_id": "\n   urn:uuid:{uuid}  \n"}),
    "full-action": ("Action with the namespace before it", {"full_action": True}),
    "out-of-order": ("elements in the opposite order", {"out_of_order": True}),
    "long-serial": ("a serial number of 26 characters", {"long_serial": True}),
    "unknown-error-codes": ("error codes that no version has", {"unknown_error_codes": True}),
    "local-time": ("local time labelled Z", {"local_time": True}),
    "lower-case": ("enumerated values in lower case", {"lower_case": True}),
    "http10": ("HTTP/1.0 with Connection: close", {"http10": True}),
    "numeric-booleans": ("0 and 1 for false and true", {"numeric_booleans": True}),
    "answer-no-header": ("answers without SOAP Header", {"answer_header": False}),
    "answer-no-relates-to": ("answers without RelatesTo", {"answer_relates_to": False}),
}
"""What each name stands for, and how the profile differs."""


def profile(names: Iterable[str]) -> Profile:
    """The profile with all the named quirks. Raises ConfigurationError for a name that is none."""
    made = Profile()
    for name in names:
        if name not in QUIRKS:
            raise ConfigurationError(f"quirk {name!r}: expected one of {', '.join(QUIRKS)}")
        made = replace(made, **QUIRKS[name][1])
    return made


@dataclass(frozen=True)
class Letter:
    """One request before it is written: who sends which action to where, and its body as an element."""

    version: Version
    identity: str
    action: str
    to_url: str
    from_url: str
    body: Any


def envelope(letter: Letter, profile: Profile) -> bytes:
    """The envelope as a station of that profile writes it."""
    soap = SOAP_11 if profile.soap11 else SOAP_12
    _disfigure(letter.body, profile)
    names: dict[Any, str] = {None: soap} if profile.default_namespace else {"S": soap}
    root = etree.Element(f"{{{soap}}}Envelope", nsmap={**names, "a": WSA, "h": _identity_namespace(letter, profile)})
    header = etree.SubElement(root, f"{{{soap}}}Header")
    for namespace, name, text in _headers(letter, profile):
        element = etree.SubElement(header, f"{{{soap if profile.default_namespace else namespace}}}{name}")
        if name in ("From", "ReplyTo") and not (name == "From" and profile.sender_form == "text"):
            element = etree.SubElement(element, f"{{{soap if profile.default_namespace else WSA}}}Address")
        element.text = text
    etree.SubElement(root, f"{{{soap}}}Body").append(letter.body)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


def http_headers(letter: Letter, profile: Profile) -> dict[str, str]:
    """The HTTP headers that go with :func:`envelope`."""
    action = _action(letter, profile)
    if profile.soap11:
        return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
    return {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}


def _headers(letter: Letter, profile: Profile) -> Iterable[tuple[str, str, str]]:
    yield _identity_namespace(letter, profile), "chargeBoxIdentity", letter.identity
    if not profile.addressing:
        return
    number = uuid4()
    yield WSA, "Action", _action(letter, profile)
    yield WSA, "MessageID", profile.message_id.format(uuid=number, number=number.int % 100_000)
    yield WSA, "From", _sender(letter.from_url, profile.sender_form)
    yield WSA, "ReplyTo", WSA_ANONYMOUS
    yield WSA, "To", letter.to_url


def _identity_namespace(letter: Letter, profile: Profile) -> str:
    return service_namespace(profile.identity_role, letter.version)


def _action(letter: Letter, profile: Profile) -> str:
    prefix = service_namespace(Role.CENTRAL_SYSTEM, letter.version) if profile.full_action else "/"
    return f"{prefix}{letter.action}"


def _sender(url: str, form: str) -> str:
    if form == "no_host":
        return re.sub(r"//(\[[^]]*\]|[^:/]*)", "//", url, count=1)
    if form == "localhost":
        return re.sub(r"//(\[[^]]*\]|[^:/]*)", "//localhost", url, count=1)
    return url


def _disfigure(body: Any, profile: Profile) -> None:
    for element in body.iter():
        name = etree.QName(element).localname
        if profile.unknown_error_codes and name == "errorCode" and element.text != "NoError":
            element.text = "VendorError17"
        if profile.local_time and name == "timestamp":
            element.text = _local_as_utc(element.text)
        if profile.lower_case:
            _lower(element, name)
        if profile.out_of_order and len(element) > 1:
            element[:] = reversed(element)
    if profile.long_serial and etree.QName(body).localname == "bootNotificationRequest":
        namespace = etree.QName(body).namespace
        serial = body.find(f"{{{namespace}}}chargePointSerialNumber")
        if serial is None:
            serial = etree.Element(f"{{{namespace}}}chargePointSerialNumber")
            body.insert(2, serial)
        serial.text = LONG_SERIAL


def _lower(element: Any, name: str) -> None:
    if name in _CHOICES:
        element.text = element.text.lower()
    for attribute in _CHOICE_ATTRIBUTES:
        if attribute in element.attrib:
            element.set(attribute, element.get(attribute).lower())


def _local_as_utc(text: str) -> str:
    time = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone(LOCAL_OFFSET))
    return f"{time.replace(tzinfo=None).isoformat()}Z"
