"""Which messages of a charge point are events, seen from the answered message and so the same with any handler."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.records import digest, storable
from ocpp_soap.central_system.texts import LONGEST_ID_TAG, LONGEST_NAME, LONGEST_TEXT
from ocpp_soap.dispatch import Call
from ocpp_soap.errors import OcppSoapError

_log = structlog.get_logger("ocpp_soap.central_system")


WAITED_FOR = frozenset({"StartTransaction", "StopTransaction"})
"""Actions whose event is stored on return, so that it must not be observed in a thread that others wait for."""


def observe(events: Events, call: CentralSystemCall, response: Any) -> None:
    """Add the event of a message that was handled; it never raises, and what it cannot store now is stored later.

    A start or a stop is stored before the answer leaves, under a key of its content: a station that got no answer
    sends it again, so no event of a transaction is missing and none is there twice. The others are queued. Nothing is
    added that a rule has told.
    """
    rule = _RULES.get(call.action.name)
    if rule is None or call.is_told:
        return
    try:
        rule(events, call, response)
    except OcppSoapError as error:
        _log.warning("an event was not stored", action=call.action.name, error=str(error))


def _booted(events: Events, call: Call, response: Any) -> None:
    boot = storable(call.request, call.warnings)
    events.note(
        "station.booted",
        call.charge_box_identity,
        at=call.received_at,
        registration=str(response.status),
        vendor=boot.get("charge_point_vendor"),
        model=boot.get("charge_point_model"),
        firmware_version=boot.get("firmware_version"),
    )


def _status(events: Events, call: Call, response: Any) -> None:
    request = call.request
    events.note(
        "connector.status",
        call.charge_box_identity,
        at=call.received_at,
        connector_id=request.connector_id,
        status=str(request.status)[:LONGEST_NAME],
        error_code=str(request.error_code)[:LONGEST_NAME],
        info=request.info and request.info[:LONGEST_TEXT],
        vendor_id=request.vendor_id and request.vendor_id[:LONGEST_TEXT],
        vendor_error_code=request.vendor_error_code and request.vendor_error_code[:LONGEST_TEXT],
        timestamp=request.timestamp,
    )


def started(call: Call, transaction_id: int, authorization: str) -> dict[str, Any]:
    """The event of a start, which was answered with that id and that status of the tag."""
    request = call.request
    return {
        "kind": "transaction.started",
        "charge_box_identity": call.charge_box_identity,
        "key": started_key(call.charge_box_identity, transaction_id, request.timestamp),
        "at": call.received_at,
        "transaction_id": transaction_id,
        "connector_id": request.connector_id,
        "id_tag": request.id_tag[:LONGEST_ID_TAG],
        "meter_start": request.meter_start,
        "timestamp": request.timestamp,
        "reservation_id": request.reservation_id,
        "authorization": authorization,
    }


def started_key(charge_box_identity: str, transaction_id: int, begun_at: datetime) -> str:
    """The id of the event of a start."""
    return digest("transaction.started", charge_box_identity, transaction_id, at=begun_at)


def stopped(call: Call) -> dict[str, Any]:
    """The event of a stop."""
    request = call.request
    content = (request.transaction_id, request.timestamp, request.meter_stop)
    return {
        "kind": "transaction.stopped",
        "charge_box_identity": call.charge_box_identity,
        "key": digest("transaction.stopped", call.charge_box_identity, *content, at=request.timestamp),
        "at": call.received_at,
        "transaction_id": request.transaction_id,
        "id_tag": (request.id_tag or "")[:LONGEST_ID_TAG] or None,
        "meter_stop": request.meter_stop,
        "timestamp": request.timestamp,
    }


def _started(events: Events, call: Call, response: Any) -> None:
    events.keep(**started(call, response.transaction_id, str(response.id_tag_info.status)))


def _stopped(events: Events, call: Call, response: Any) -> None:
    events.keep(**stopped(call))


def _notified(kind: str) -> Callable[[Events, Call, Any], None]:
    def rule(events: Events, call: Call, response: Any) -> None:
        status = str(call.request.status)[:LONGEST_NAME]
        events.note(kind, call.charge_box_identity, at=call.received_at, status=status)

    return rule


_RULES: dict[str, Callable[[Events, Call, Any], None]] = {
    "BootNotification": _booted,
    "StatusNotification": _status,
    "StartTransaction": _started,
    "StopTransaction": _stopped,
    "FirmwareStatusNotification": _notified("firmware.status"),
    "DiagnosticsStatusNotification": _notified("diagnostics.status"),
}
