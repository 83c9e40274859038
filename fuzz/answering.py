"""Any bytes as the body of a request: the answer is XML that its schema accepts, or a fault of the table.

The first byte of the input chooses role, strictness and what the URL says; the rest is the body.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timezone
from typing import Any

import atheris
import structlog

with atheris.instrument_imports(include=["ocpp_soap.soap", "ocpp_soap.messages"]):
    from ocpp_soap import config
    from ocpp_soap import messages as m
    from ocpp_soap.soap import wsdl
    from ocpp_soap.soap.answering import Answering
    from ocpp_soap.soap.exchange import Exchange
    from ocpp_soap.soap.settings import server_settings

from lxml import etree
from mutation import mutate

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

NOW = datetime(2012, 6, 8, 10, 0, tzinfo=timezone.utc)
INFO = m.IdTagInfo(status=m.AuthorizationStatus.ACCEPTED)
ANSWERS: dict[type[Any], dict[str, Any]] = {
    m.AuthorizeResponse: {"id_tag_info": INFO},
    m.StartTransactionResponse: {"transaction_id": 1, "id_tag_info": INFO},
    m.HeartbeatResponse: {"current_time": NOW},
    m.BootNotificationResponse: {
        "status": m.RegistrationStatus.ACCEPTED,
        "current_time": NOW,
        "heartbeat_interval": 300,
    },
    m.GetLocalListVersionResponse: {"list_version": 1},
}
ENVELOPES = ("{http://www.w3.org/2003/05/soap-envelope}", "{http://schemas.xmlsoap.org/soap/envelope/}")
SUBCODES = {
    "SecurityError", "IdentityMismatch", "ProtocolError", "InternalError", "NotSupported", "MustUnderstand",
    "VersionMismatch",
}  # fmt: skip


def receive(call: Any) -> Any:
    """A valid response to whatever was understood, all of whose parts have been looked at."""
    repr(call)
    response = call.action.response
    if response in ANSWERS:
        return response(**ANSWERS[response])
    required = [info for info in m.fields_in(response, call.version) if info.required_in(call.version)]
    return response(**{info.name: next(iter(info.type or ())) for info in required})


def answering(role: m.Role, validation: str) -> Answering:
    """One of the four ways to answer."""
    return Answering(
        role, receive, server_settings(config.load(None, {"OCPP_SOAP__SOAP__VALIDATION": validation}), role)
    )


ALL = [answering(role, validation) for role in m.Role for validation in ("lenient", "strict")]
SERVICES = {
    etree.parse(str(wsdl.path(role, version))).getroot().get("targetNamespace"): (role, version)
    for role in m.Role
    for version in m.Version
}


def one_input(data: bytes) -> None:
    """Answer one input."""
    flags, body = (data[0], data[1:]) if data else (0, b"")
    exchange = Exchange(
        NOW,
        body=body,
        charset=("", "utf-8", "iso-8859-1", "utf-16")[flags >> 2 & 3],
        url_identity="CB1" if flags & 16 else "",
        url_version=(None, None, m.Version.V12, m.Version.V15)[flags >> 5 & 3],
    )
    answer = ALL[flags & 3].answer(exchange)
    if exchange.out_error is not None and exchange.out_error.kind == "unexpected":
        raise SystemError("the request met an unexpected failure, logged above")
    root = etree.fromstring(answer.body)
    (content,) = root[1]
    namespace = etree.QName(content).namespace
    if answer.status == 200:
        wsdl.schema(*SERVICES[namespace]).assertValid(content)
    else:
        if exchange.out_error is None or exchange.out_error.subcode not in SUBCODES:
            raise SystemError(f"status {answer.status} without a fault of the table")
        if not content.tag.startswith(ENVELOPES):
            raise SystemError(f"a fault named {content.tag}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()
