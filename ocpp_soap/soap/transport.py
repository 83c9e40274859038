"""From the bytes of a request to the bytes of its answer: the protocol's steps, run over Spyne's method table.

Spyne's own transports make a full MethodContext for each request and fire events around each step; this one runs the
same steps over an :class:`~ocpp_soap.soap.exchange.Exchange` (docs/adr/0002-lean-transport.md has the profile).
"""

from __future__ import annotations

from uuid import uuid4

import structlog

from ocpp_soap.errors import Fault, InternalError, NotSupported, RetryLater, StoreUnavailable
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.envelope import unread_envelope
from ocpp_soap.soap.exchange import Exchange
from ocpp_soap.soap.protocol import OcppProtocol
from ocpp_soap.soap.service import application
from ocpp_soap.soap.settings import SoapServerSettings
from ocpp_soap.soap.spyne_compat import MethodDescriptor, ServerBase

_log = structlog.get_logger("ocpp_soap.soap")


class Transport(ServerBase):  # type: ignore[misc]
    """Runs the requests of one Spyne application."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    def __init__(self, role: Role, version: Version, settings: SoapServerSettings) -> None:
        self.protocol = OcppProtocol(role, version, settings)
        super().__init__(application(role, version, self.protocol, OcppProtocol(role, version, settings)))
        self._descriptors: dict[str, MethodDescriptor] = {}

    def process(self, ctx: Exchange) -> None:
        """Answer a request whose envelope has been read: sets ``out_string``. Raises Fault."""
        protocol = self.protocol
        protocol.decompose_incoming_envelope(ctx)
        ctx.descriptor = self._descriptors.get(ctx.method_request_string) or self._look_up(ctx)
        protocol.deserialize(ctx)
        ctx.out_object = ctx.descriptor.function(ctx, ctx.in_object)
        protocol.serialize(ctx)

    def _look_up(self, ctx: Exchange) -> MethodDescriptor:
        descriptors = self.protocol.get_call_handles(ctx)
        if not descriptors:
            raise NotSupported
        self._descriptors[ctx.method_request_string] = descriptors[0]
        return descriptors[0]


class Transports:
    """The two versions of one role's service."""

    def __init__(self, role: Role, settings: SoapServerSettings) -> None:
        self._by_version = {version: Transport(role, version, settings) for version in Version}
        self._reader = self._by_version[Version.V15].protocol

    def answer(self, ctx: Exchange) -> int:
        """Answer a request: sets ``out_string``, and ``out_error`` if it is a fault. Returns the HTTP status.

        Raises RetryLater and StoreUnavailable, which are to be answered without an envelope.
        """
        try:
            self._reader.create_in_document(ctx)
            self._by_version[ctx.version].process(ctx)
            return 200
        except Fault as fault:
            return self._fault(ctx, fault)
        except (RetryLater, StoreUnavailable):
            raise
        except (Exception, SystemExit):  # a handler that ends its program is not to end ours
            return self._fault(ctx, self._unexpected(ctx))

    def _fault(self, ctx: Exchange, fault: Fault) -> int:
        ctx.out_error = fault
        if ctx.in_document is None:
            ctx.in_document = unread_envelope(ctx.in_string)
        version = ctx.version or self._reader.operations.version_for_fault(ctx.in_document, ctx.url_version)
        protocol = self._by_version[version].protocol
        protocol.serialize(ctx)
        return protocol.fault_to_http_response_code(fault, ctx.in_document.soap_namespace)

    @staticmethod
    def _unexpected(ctx: Exchange) -> InternalError:
        reference = uuid4().hex[:12]
        _log.exception(
            "request failed",
            reference=reference,
            charge_point=ctx.identity,
            action=ctx.action.name if ctx.action else "",
        )
        return InternalError(f"The receiver failed; its log has the reason under {reference}.", kind="unexpected")
