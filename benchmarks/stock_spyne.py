"""Stock Spyne: the five actions declared as its manual shows it, with its own Soap12 protocol. No storage."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import count
from typing import Any

from ocpp_soap.soap import spyne_compat  # noqa: F401 - makes Spyne importable on Python 3.12 and later

from spyne import Application, ComplexModel, DateTime, Integer, ServiceBase, Unicode, rpc  # isort: skip
from spyne.model.complex import XmlAttribute, XmlData  # isort: skip
from spyne.protocol.soap import Soap12  # isort: skip
from spyne.server.wsgi import WsgiApplication  # isort: skip

NAMESPACE = "urn://Ocpp/Cs/2012/06/"
_ids = count(1)


class _Model(ComplexModel):
    __namespace__ = NAMESPACE


class IdTagInfo(_Model):
    """Status of an idTag."""

    status = Unicode


class HeartbeatResponse(_Model):
    """The time."""

    currentTime = DateTime


class AuthorizeRequest(_Model):
    """A tag."""

    idTag = Unicode


class AuthorizeResponse(_Model):
    """Its status."""

    idTagInfo = IdTagInfo


class StatusNotificationRequest(_Model):
    """State of a connector."""

    _type_info = (
        ("connectorId", Integer),
        ("status", Unicode),
        ("errorCode", Unicode),
        ("timestamp", DateTime),
    )


class StatusNotificationResponse(_Model):
    """No fields."""


class Value(_Model):
    """A measured value."""

    _type_info = (
        ("text", XmlData(Unicode)),
        ("measurand", XmlAttribute(Unicode)),
        ("unit", XmlAttribute(Unicode)),
    )


class MeterValue(_Model):
    """Values of one instant."""

    _type_info = (("timestamp", DateTime), ("value", Value.customize(max_occurs="unbounded")))


class MeterValuesRequest(_Model):
    """Meter values of a connector."""

    _type_info = (("connectorId", Integer), ("values", MeterValue.customize(max_occurs="unbounded")))


class MeterValuesResponse(_Model):
    """No fields."""


class StartTransactionRequest(_Model):
    """A start."""

    _type_info = (
        ("connectorId", Integer),
        ("idTag", Unicode),
        ("timestamp", DateTime),
        ("meterStart", Integer),
    )


class StartTransactionResponse(_Model):
    """Its id."""

    _type_info = (("transactionId", Integer), ("idTagInfo", IdTagInfo))


class StopTransactionRequest(_Model):
    """A stop."""

    _type_info = (
        ("transactionId", Integer),
        ("idTag", Unicode),
        ("timestamp", DateTime),
        ("meterStop", Integer),
    )


class StopTransactionResponse(_Model):
    """Status of the tag."""

    idTagInfo = IdTagInfo


class CentralSystemService(ServiceBase):
    """The service."""

    __in_header__ = (Unicode(type_name="chargeBoxIdentity", __namespace__=NAMESPACE),)

    @rpc(_returns=HeartbeatResponse, _body_style="bare", _in_message_name="heartbeatRequest",
         _out_message_name="heartbeatResponse")  # fmt: skip
    def heartbeat(ctx: Any) -> Any:
        """Answer with the time."""
        return HeartbeatResponse(currentTime=datetime.now(timezone.utc))

    @rpc(AuthorizeRequest, _returns=AuthorizeResponse, _body_style="bare", _in_message_name="authorizeRequest",
         _out_message_name="authorizeResponse")  # fmt: skip
    def authorize(ctx: Any, request: Any) -> Any:
        """Accept."""
        return AuthorizeResponse(idTagInfo=IdTagInfo(status="Accepted"))

    @rpc(StatusNotificationRequest, _returns=StatusNotificationResponse, _body_style="bare",
         _in_message_name="statusNotificationRequest", _out_message_name="statusNotificationResponse")  # fmt: skip
    def status_notification(ctx: Any, request: Any) -> Any:
        """Say yes."""
        return StatusNotificationResponse()

    @rpc(MeterValuesRequest, _returns=MeterValuesResponse, _body_style="bare",
         _in_message_name="meterValuesRequest", _out_message_name="meterValuesResponse")  # fmt: skip
    def meter_values(ctx: Any, request: Any) -> Any:
        """Say yes."""
        return MeterValuesResponse()

    @rpc(StartTransactionRequest, _returns=StartTransactionResponse, _body_style="bare",
         _in_message_name="startTransactionRequest", _out_message_name="startTransactionResponse")  # fmt: skip
    def start_transaction(ctx: Any, request: Any) -> Any:
        """Give out an id."""
        return StartTransactionResponse(transactionId=next(_ids), idTagInfo=IdTagInfo(status="Accepted"))

    @rpc(StopTransactionRequest, _returns=StopTransactionResponse, _body_style="bare",
         _in_message_name="stopTransactionRequest", _out_message_name="stopTransactionResponse")  # fmt: skip
    def stop_transaction(ctx: Any, request: Any) -> Any:
        """Accept."""
        return StopTransactionResponse(idTagInfo=IdTagInfo(status="Accepted"))


application = WsgiApplication(
    Application([CentralSystemService], NAMESPACE, "CentralSystemService", Soap12(), Soap12())
)
