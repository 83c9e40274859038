"""Which operation of which version an envelope asks for: told by the first Body child, forgiving where it can be.

The namespace of the first Body child decides the version; the URL's version counts only where that namespace is none
of OCPP's. A body whose fields lack the operation's wrapper element is understood if Action names the operation.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import Fault, NotSupported, ProtocolError
from ocpp_soap.messages import ACTIONS, Action, Role, Version, actions, describe, find_action
from ocpp_soap.soap.codec import body_name
from ocpp_soap.soap.codec.names import split
from ocpp_soap.soap.codec.notes import note, note_unread
from ocpp_soap.soap.codec.reading import text_within
from ocpp_soap.soap.envelope import Envelope
from ocpp_soap.soap.namespaces import role_and_version, service_namespace

Element = Any

_EVERY_REQUEST = {body_name(action.request).lower() for action in ACTIONS}
_EVERY_RESPONSE = {body_name(action.response).lower() for action in ACTIONS}
_EVERY_OPERATION = _EVERY_REQUEST | _EVERY_RESPONSE


Operation = tuple[Version, Action, Element]
"""An action of one version, and the element whose children are the fields of the request."""


class Operations:
    """The operations that one role answers."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self._exact = {
            f"{{{service_namespace(role, version)}}}{body_name(action.request)}": (version, action)
            for version in Version
            for action in actions(role, version)
        }
        self._by_name = {body_name(action.request).lower(): action for action in actions(role)}

    def find(
        self, envelope: Envelope, url_version: Version | None, warnings: list[MessageWarning], *, strict: bool
    ) -> Operation:
        """The operation of an envelope.

        Raises NotSupported for one that OCPP has but not this role or version, ProtocolError for everything else that
        is not exactly one request.
        """
        body = envelope.body
        if not len(body):
            raise ProtocolError("The Body is empty; expected one request.", kind="empty_body_element")
        child = body[0]
        exact = self._exact.get(child.tag)
        if exact is not None and len(body) == 1:
            return exact[0], exact[1], child
        if strict:
            raise self._broken(child.tag, len(body), url_version)
        return self._forgiving(envelope, url_version, warnings)

    def version_for_fault(self, envelope: Envelope, url_version: Version | None) -> Version:
        """The version whose fault namespace fits a message of which no operation was found."""
        child = None if envelope.body is None else next(iter(envelope.body), None)
        by_body = None if child is None else role_and_version(split(child.tag)[0])
        by_header = role_and_version(envelope.headers.identity_namespace)
        if by_body is not None:
            return by_body[1]
        return url_version or (by_header[1] if by_header else Version.V15)

    def _broken(self, tag: str, children: int, url_version: Version | None) -> Fault:
        """The fault for what only a lenient reader would understand."""
        namespace, local = split(tag)
        if children > 1:
            return ProtocolError("The Body holds more than one element; expected one request.", kind="two_operations")
        ours = next((version for version in Version if namespace == service_namespace(self.role, version)), None)
        action = self._by_name.get(local.lower())
        if action is not None and ours is None:
            return self._wrong_namespace(namespace)
        if action is not None and ours is not None and local == body_name(action.request):
            return _not_in(ours, action)
        return self._refused(tag, url_version)

    def _wrong_namespace(self, namespace: str) -> ProtocolError:
        return ProtocolError(
            f"The namespace {namespace[:100]!r} of the request is not this service's; expected "
            f"{service_namespace(self.role, Version.V15)} or {service_namespace(self.role, Version.V12)}.",
            kind="namespace",
        )

    def _forgiving(self, envelope: Envelope, url_version: Version | None, warnings: list[MessageWarning]) -> Operation:
        body = envelope.body
        known = [child for child in body if split(child.tag)[1].lower() in _EVERY_OPERATION]
        if len(known) > 1:
            raise ProtocolError("The Body holds more than one request; expected one.", kind="two_operations")
        if known:
            if len(body) > 1:
                note(warnings, "extra_body_children", "Body")
                _note_text_beside(known[0], warnings)
            return self._named(known[0], envelope, url_version, warnings)
        action = self._by_name.get(f"{envelope.headers.operation}Request".lower())
        if action is None or split(body[0].tag)[1].lower() not in _fields(action):
            raise self._refused(body[0].tag, url_version)
        version = self._version(split(body[0].tag)[0], envelope, url_version, warnings)
        note(warnings, "no_wrapper", body_name(action.request))
        return version, self._in_version(action, version), body

    def _named(
        self, child: Element, envelope: Envelope, url_version: Version | None, warnings: list[MessageWarning]
    ) -> Operation:
        namespace, local = split(child.tag)
        action = self._by_name.get(local.lower())
        if action is None:
            raise self._refused(child.tag, url_version)
        if local != body_name(action.request):
            note(warnings, "odd_case", local)
        version = self._version(namespace, envelope, url_version, warnings)
        return version, self._in_version(action, version), child

    def _version(
        self, namespace: str, envelope: Envelope, url_version: Version | None, warnings: list[MessageWarning]
    ) -> Version:
        known = role_and_version(namespace)
        if known is not None:
            if known[0] is not self.role or not namespace.endswith("/"):
                note(warnings, "namespace", "Body", namespace)
            return known[1]
        is_ocpp = not namespace or "ocpp" in namespace.lower()
        by_header = role_and_version(envelope.headers.identity_namespace) if is_ocpp else None
        version = url_version or (by_header[1] if by_header else None)
        if version is None:
            raise self._wrong_namespace(namespace)
        note(warnings, "namespace", "Body", namespace)
        return version

    def _in_version(self, action: Action, version: Version) -> Action:
        if not version.has(action.since):
            raise _not_in(version, action)
        return action

    def _refused(self, tag: str, url_version: Version | None) -> Fault:
        namespace, local = split(tag)
        if local.lower() in _EVERY_RESPONSE:
            return ProtocolError(f"{local} is a response; expected a request.", kind="response")
        known = role_and_version(namespace)
        if local.lower() in _EVERY_REQUEST and (known is not None or not namespace or url_version is not None):
            other = Role.CHARGE_POINT if self.role is Role.CENTRAL_SYSTEM else Role.CENTRAL_SYSTEM
            name = local[0].upper() + local[1 : -len("Request")]
            if find_action(other, name) is not None and find_action(self.role, name) is None:
                return NotSupported(f"A {_spoken(self.role)} does not answer {name}.", kind="other_role")
        return ProtocolError(f"{local[:100]!r} is no request of OCPP 1.2 or 1.5.", kind="unknown_operation")


def _not_in(version: Version, action: Action) -> NotSupported:
    return NotSupported(f"OCPP {version} has no {action.name}.", kind="not_in_version")


def _note_text_beside(request: Element, warnings: list[MessageWarning]) -> None:
    """Say that what stands beside a request was not understood: it may be meter values of it."""
    for child in request.getparent():
        text = text_within(child)
        if child is not request and text:
            note_unread(warnings, split(child.tag)[1], text)


@cache
def _fields(action: Action) -> frozenset[str]:
    return frozenset(info.wire_name.lower() for info in describe(action.request))


def _spoken(role: Role) -> str:
    return role.value.replace("_", " ")
