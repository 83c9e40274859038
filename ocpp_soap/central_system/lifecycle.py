"""The life of stations and transactions in the log (``log.lifecycle``): one line each, without the idTag."""

from __future__ import annotations

from typing import Any

import structlog

from ocpp_soap.central_system.stations import Station
from ocpp_soap.dispatch import Call

_log = structlog.get_logger("ocpp_soap.lifecycle")


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
