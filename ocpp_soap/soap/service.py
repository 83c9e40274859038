"""The four services as Spyne applications, built from the table of actions.

``application(role, version, protocol)`` has one Spyne method for each action of the version; its method table is what
requests are dispatched by, its interface is what the service descriptions are generated from.
"""

from __future__ import annotations

from typing import Any

from ocpp_soap.dispatch import leave_out_no_warnings
from ocpp_soap.messages import Action, Role, Version, actions
from ocpp_soap.soap.codec import body_name
from ocpp_soap.soap.models import Models
from ocpp_soap.soap.namespaces import service_namespace
from ocpp_soap.soap.spyne_compat import (
    BODY_STYLE_BARE,
    Application,
    MethodDescriptor,
    ServiceBase,
    Soap12,
    Wsdl11,
    rpc,
)

IDENTITY_HEADER = "chargeBoxIdentity"


def application(role: Role, version: Version, protocol: Soap12, out_protocol: Soap12) -> Application:
    """The Spyne application of one service; ``protocol`` reads requests and ``out_protocol`` writes answers."""
    namespace = service_namespace(role, version)
    name = f"{role.title}Service"
    return Application(
        [_service(name, role, version, Models(version, namespace))], namespace, name, protocol, out_protocol
    )


def interface_document(role: Role, version: Version, address: str) -> bytes:
    """Spyne's own WSDL of one service, with ``address`` as the place of its port."""
    spyne_application = application(role, version, Soap12(), Soap12())
    spyne_application.transport = "http://schemas.xmlsoap.org/soap/http"
    document = Wsdl11(spyne_application.interface)
    document.build_interface_document(address)
    wsdl: bytes = document.get_interface_document()
    return wsdl


def _service(name: str, role: Role, version: Version, models: Models) -> type[ServiceBase]:
    header = models.header(IDENTITY_HEADER)
    members: dict[str, Any] = {"__service_name__": name, "__in_header__": (header,)}
    for action in actions(role, version):
        members[action.snake_name] = _Method(action, models)
    return type(name, (ServiceBase,), members)


class _Method:
    """What Spyne's ServiceBase takes for a decorated function: it asks for the descriptor of the method."""

    _is_rpc = True

    def __init__(self, action: Action, models: Models) -> None:
        self.action = action
        self.models = models

    def __call__(self, _default_function_name: str, _service_class: type[ServiceBase]) -> MethodDescriptor:
        action = self.action

        def function(ctx: Any, request: Any) -> Any:
            call = ctx.call(action, request)
            try:
                return ctx.udc(call)
            finally:
                ctx.identity = call.charge_box_identity
                if ctx.warnings:
                    leave_out_no_warnings(call)

        function.__name__ = function.__qualname__ = _default_function_name
        descriptor = rpc(_args=(), _no_ctx=False, _body_style="bare")(function)(
            _default_function_name=_default_function_name, _service_class=_service_class
        )
        descriptor.operation_name = action.name
        descriptor.name = body_name(action.request)
        descriptor.body_style = BODY_STYLE_BARE
        descriptor.in_message = self._message(action.request, body_name(action.request))
        descriptor.out_message = self._message(action.response, body_name(action.response))
        return descriptor

    def _message(self, record: type[Any], element: str) -> Any:
        return self.models.record(record).customize(sub_name=element, sub_ns=self.models.namespace)
