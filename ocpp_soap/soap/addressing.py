"""The SOAP headers of a message: chargeBoxIdentity (12/15 §8.1) and WS-Addressing (12/15 §8.3), read leniently."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import IdentityMismatch, ProtocolError
from ocpp_soap.messages import Role, Version
from ocpp_soap.printable import is_unsafe
from ocpp_soap.soap.codec.names import split
from ocpp_soap.soap.codec.notes import note
from ocpp_soap.soap.namespaces import (
    SOAP_12,
    WSA,
    WSA_2004,
    WSA_2004_ANONYMOUS,
    WSA_ANONYMOUS,
    role_and_version,
    service_namespace,
)

Element = Any

_ADDRESSING = {"action", "messageid", "from", "replyto", "to", "relatesto", "faultto"}
_FIELDS = {"messageid": "message_id"}
_PLAIN = frozenset({"action", "message_id"})
_UNREAD = frozenset({"to", "relatesto"})
_AS_SPECIFIED = {
    f"{{{WSA}}}{name}": name for name in ("Action", "MessageID", "From", "ReplyTo", "To", "RelatesTo", "FaultTo")
} | {f"{{{service_namespace(role, version)}}}chargeBoxIdentity": "identity" for role in Role for version in Version}
_ANONYMOUS = (WSA_ANONYMOUS, WSA_2004_ANONYMOUS)
_FOR_US = frozenset(
    {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        f"{SOAP_12}/role/next",
        f"{SOAP_12}/role/ultimateReceiver",
    }
)


@dataclass(slots=True)
class Headers:
    """What the headers of one message say; an absent header is an empty text.

    ``namespace``: the WS-Addressing namespace that the message uses. ``identity_namespace``: that of the identity
    header. ``sender``: the address in From, or in a ReplyTo that is not anonymous if From is missing or anonymous.
    ``not_understood``: the tag of a header that is unknown and must be understood.
    """

    identity: str = ""
    identity_namespace: str = ""
    action: str = ""
    message_id: str = ""
    sender: str = ""
    namespace: str = WSA
    not_understood: str = ""

    @property
    def operation(self) -> str:
        """The last part of Action: ``Heartbeat`` for ``/Heartbeat``, ``Heartbeat`` and ``urn://…/Heartbeat``."""
        return self.action.replace("#", "/").replace(":", "/").rstrip("/").rpartition("/")[2]


def read_headers(
    headers: Headers, header: Element, soap_namespace: str, max_identity: int, warnings: list[MessageWarning]
) -> None:
    """Read the children of a Header, in any order, into ``headers``.

    Raises, when all are read, ProtocolError for an identity that is too long or has control characters,
    IdentityMismatch for two different ones. A header in a namespace that is not WS-Addressing's gives way to one that
    is in it.
    """
    found: dict[str, Element] = {}
    for child in header:
        name = _AS_SPECIFIED.get(child.tag)
        if name is None or name in found:
            return _read_leniently(headers, header, soap_namespace, max_identity, warnings)
        found[name] = child
    headers.action = _text(found.get("Action"))
    headers.message_id = _text(found.get("MessageID"))
    if "From" in found:
        headers.sender = _address(found["From"], "from", warnings)
    if "ReplyTo" in found:
        _take_reply_to(headers, found["ReplyTo"], warnings)
    if "identity" in found:
        child = found["identity"]
        _take_identity(headers, _identity(child, warnings), child.tag[1:].partition("}")[0], max_identity)
    return None


def _read_leniently(
    headers: Headers, header: Element, soap_namespace: str, max_identity: int, warnings: list[MessageWarning]
) -> None:
    """Read headers of which some are unknown, repeated, or not quite named as they should be."""
    reply_to = None
    identities = []
    for child in header:
        tag = child.tag
        name, namespace, exact = _classified(tag) if len(tag) <= _LONGEST_TAG else _classify(tag)
        if not exact and name:
            note(warnings, "header_name", tag.rpartition("}")[2], namespace)
        if name in _PLAIN:
            if exact or not getattr(headers, name):
                setattr(headers, name, _text(child))
                headers.namespace = WSA_2004 if namespace == WSA_2004 else WSA
        elif name == "identity":
            identities.append((_identity(child, warnings), namespace))
        elif name == "from":
            sender = _address(child, name, warnings)
            headers.sender = sender if exact else headers.sender or sender
        elif name == "replyto":
            reply_to = child
        elif name in _UNREAD:
            headers.namespace = WSA_2004 if namespace == WSA_2004 else WSA
        if not exact and not _is_known(name, namespace) and _must_be_understood(child, soap_namespace):
            headers.not_understood = headers.not_understood or tag
    if reply_to is not None:
        _take_reply_to(headers, reply_to, warnings)
    for identity, namespace in identities:
        _take_identity(headers, identity, namespace, max_identity)


def _classify(tag: str) -> tuple[str, str, bool]:
    """Which header it is, an empty text for an unknown one; its namespace; whether both are as specified."""
    namespace, local = split(tag)
    name = local.lower()
    if name == "chargeboxidentity":
        return "identity", namespace, role_and_version(namespace) is not None and local == "chargeBoxIdentity"
    if name not in _ADDRESSING:
        return "", namespace, False
    return _FIELDS.get(name, name), namespace, namespace == WSA


_LONGEST_TAG = 300
_classified = lru_cache(maxsize=512)(_classify)


def _is_known(name: str, namespace: str) -> bool:
    """Whether a header is one that we understand, not only one of another standard that is called the same."""
    if not name or name == "identity":
        return bool(name)
    return not namespace or "addressing" in namespace or role_and_version(namespace) is not None


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def _take_reply_to(headers: Headers, reply_to: Element, warnings: list[MessageWarning]) -> None:
    """Take the sender from ReplyTo if From does not tell: it is missing, or anonymous."""
    is_told = headers.sender and headers.sender not in _ANONYMOUS
    if not (is_told and len(reply_to)):
        address = _address(reply_to, "replyto", warnings)
        if not is_told and address and address not in _ANONYMOUS:
            headers.sender = address


def _take_identity(headers: Headers, identity: str, namespace: str, max_identity: int) -> None:
    if not identity:
        return
    check_identity(identity, max_identity)
    if headers.identity and headers.identity != identity:
        raise IdentityMismatch("Two chargeBoxIdentity headers contradict each other.", kind="two_identities")
    headers.identity = identity
    headers.identity_namespace = namespace


def check_identity(identity: str, longest: int) -> None:
    """Raise ProtocolError for an identity that is longer than ``longest`` or has control characters."""
    if len(identity) > longest:
        raise ProtocolError(f"The chargeBoxIdentity is longer than {longest} characters.", kind="identity_too_long")
    if not identity.isprintable() and any(map(is_unsafe, identity)):
        raise ProtocolError("The chargeBoxIdentity has control characters.", kind="identity_characters")


def _identity(element: Element, warnings: list[MessageWarning]) -> str:
    sent = element.text or ""
    text: str = sent.strip()
    if text != sent:
        note(warnings, "spaces", "chargeBoxIdentity", sent)
    return text


def _address(element: Element, name: str, warnings: list[MessageWarning]) -> str:
    for child in element:
        tag = child.tag
        if tag.endswith("Address") or tag.lower().endswith("address"):
            return (child.text or "").strip()
    text: str = (element.text or "").strip()
    if text:
        note(warnings, "address_as_text", name, text)
    return text


def _must_be_understood(element: Element, soap_namespace: str) -> bool:
    flag = element.get(f"{{{soap_namespace}}}mustUnderstand", "").strip()
    if flag not in ("1", "true"):
        return False
    role = element.get(f"{{{soap_namespace}}}role") or element.get(f"{{{soap_namespace}}}actor") or ""
    return role.strip() in _FOR_US
