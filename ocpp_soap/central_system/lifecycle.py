"""What the log tells of stations: the life of them and their transactions, without idTags, and envelopes if asked.

``log.lifecycle`` and ``log.payload`` switch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ocpp_soap.central_system.masking import masked_text
from ocpp_soap.central_system.stations import Station
from ocpp_soap.dispatch import Call

if TYPE_CHECKING:
    from ocpp_soap.central_system.journal_entries import Called
    from ocpp_soap.soap.client import Transcript

_log = structlog.get_logger("ocpp_soap.lifecycle")
_payload = structlog.get_logger("ocpp_soap.payload")


def log_registered(station: Station) -> None:
    """Log a station that was not known before."""
    _log.info(
        "charge point registered",
        charge_point=station.charge_box_identity,
        version=station.version,
        registration=str(station.registration),
    )


def log_answered(call: Call, response: Any) -> None:
    """Log an answered request if it is a boot, a start or a stop."""
    request = call.request
    if call.action.name == "BootNotification":
        _log.info(
            "charge point started",
            charge_point=call.charge_box_identity,
            status=str(response.status),
            vendor=request.charge_point_vendor,
            model=request.charge_point_model,
            firmware=request.firmware_version,
        )
    elif call.action.name == "StartTransaction":
        _log.info(
            "transaction started",
            charge_point=call.charge_box_identity,
            connector=request.connector_id,
            transaction=response.transaction_id,
            status=str(response.id_tag_info.status),
            meter_start=request.meter_start,
        )
    elif call.action.name == "StopTransaction":
        _log.info(
            "transaction stopped",
            charge_point=call.charge_box_identity,
            transaction=request.transaction_id,
            meter_stop=request.meter_stop,
        )


def log_payload(called: Called, transcript: Transcript) -> None:
    """Log the envelopes of a call of ours, without the passwords of URLs in them."""
    _payload.info(
        "call",
        charge_point=called.charge_box_identity,
        action=called.action,
        outcome=called.outcome,
        request=masked_text(transcript.request.decode("utf-8", "replace")),
        response=masked_text(transcript.response.decode("utf-8", "replace")),
    )
