"""The protocol of the Spyne applications: OCPP's SOAP, read and written by our envelope and codec.

Spyne's own steps are strict about order and types, keep no headers of 2005/08 and answer some bad inputs with a
traceback; each of them is replaced here. What stays Spyne's is the application, its method table and its interface.
"""

from __future__ import annotations

from typing import NamedTuple

from ocpp_soap.errors import Fault, IdentityMismatch, ProtocolError
from ocpp_soap.messages import Role, Version, actions
from ocpp_soap.soap import envelope
from ocpp_soap.soap.addressing import check_identity
from ocpp_soap.soap.bounds import SHORT, check_elements, check_markup
from ocpp_soap.soap.codec import body_name, decode, encode
from ocpp_soap.soap.exchange import Exchange
from ocpp_soap.soap.faults import http_status
from ocpp_soap.soap.namespaces import SOAP_12, service_namespace
from ocpp_soap.soap.operations import Operations
from ocpp_soap.soap.settings import SoapServerSettings
from ocpp_soap.soap.spyne_compat import Soap12
from ocpp_soap.soap.validation import validate


class _Names(NamedTuple):
    method: str
    response: str
    response_action: str


class OcppProtocol(Soap12):  # type: ignore[misc]
    """The protocol of one role in one version. The steps raise Fault."""

    def __init__(self, role: Role, version: Version, settings: SoapServerSettings) -> None:
        super().__init__()
        self.role = role
        self.version = version
        self.settings = settings
        self.operations = Operations(role)
        self._short = min(settings.limits.max_elements, settings.large_elements, SHORT)
        self._namespace = service_namespace(role, version)
        self._names = {
            action.name: _Names(
                f"{{{self._namespace}}}{body_name(action.request)}",
                body_name(action.response),
                f"/{action.name}Response",
            )
            for action in actions(role, version)
        }

    def create_in_document(self, ctx: Exchange, charset: str | None = None) -> None:
        """Parse the bytes and find out which operation of which version they are, whatever this protocol's version."""
        limits = self.settings.limits
        is_long = len(ctx.in_string) > self._short
        if is_long:
            check_markup(ctx.in_string, self.settings.most_elements(ctx.in_string))
        ctx.in_document = envelope.open_envelope(ctx.in_string, ctx.warnings, charset or ctx.charset)
        ctx.in_document.read_headers(limits, ctx.warnings)
        ctx.in_document.headers.action = ctx.in_document.headers.action or ctx.http_action
        ctx.identity = self._identity(ctx)
        ctx.in_document.check(ctx.in_string, limits)
        found = self.operations.find(ctx.in_document, ctx.url_version, ctx.warnings, strict=self.settings.strict)
        ctx.version, ctx.action, ctx.in_body_doc = found
        if is_long:
            check_elements(ctx.in_body_doc, ctx.in_string, self.settings.max_elements(ctx.action))

    def decompose_incoming_envelope(self, ctx: Exchange, message: str = Soap12.REQUEST) -> None:
        """Name the method for Spyne's look-up; in strict mode, validate the body against the schema."""
        ctx.method_request_string = self._names[ctx.action.name].method
        if self.settings.strict:
            validate(ctx.in_body_doc, self.role, self.version)

    def deserialize(self, ctx: Exchange, message: str = Soap12.REQUEST) -> None:
        """Read the request message."""
        ctx.in_object = decode(ctx.action.request, ctx.in_body_doc, self.version, ctx.warnings)

    def serialize(self, ctx: Exchange, message: str = Soap12.RESPONSE) -> None:
        """Write the response, or the fault if there is one, as an envelope."""
        if ctx.out_error is not None:
            ctx.out_string = envelope.write_fault(ctx.out_error, self.version, ctx.in_document)
            return
        if type(ctx.out_object) is not ctx.action.response:
            raise TypeError(f"{ctx.action.name} was answered with {type(ctx.out_object).__name__}")
        names = self._names[ctx.action.name]
        body = encode(ctx.out_object, self.version, element=names.response, namespace=self._namespace)
        ctx.out_string = envelope.write_response(ctx.in_document, names.response_action, body)

    def create_out_string(self, ctx: Exchange, charset: str | None = None) -> None:
        """Nothing is left to do: :meth:`serialize` has written the bytes."""

    def fault_to_http_response_code(self, fault: Fault, soap_namespace: str = SOAP_12) -> int:
        """The HTTP status that goes with a fault."""
        return http_status(fault, soap_namespace)

    def _identity(self, ctx: Exchange) -> str:
        by_header, by_url = ctx.in_document.headers.identity, ctx.url_identity
        if not by_header:
            check_identity(by_url, self.settings.limits.max_identity)
            if not by_url:
                raise ProtocolError(
                    "The chargeBoxIdentity header is missing, and the URL names no charge box.", kind="no_identity"
                )
        elif by_url and by_url != by_header:
            raise IdentityMismatch("The chargeBoxIdentity differs from the one in the URL.", kind="url_identity")
        return by_header or by_url
