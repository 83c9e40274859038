"""StatusNotification of connectors and of the station, in what the version has (12 §4.8, 15 §4.9; notes 1, 7.20)."""

from __future__ import annotations

from datetime import datetime

from ocpp_soap.messages import ChargePointErrorCode, ChargePointStatus, StatusNotificationRequest, Version

_ERROR_CODE_12 = {
    ChargePointErrorCode.GROUND_FAILURE: ChargePointErrorCode.POWER_SWITCH_FAILURE,
    ChargePointErrorCode.OVER_CURRENT_FAILURE: ChargePointErrorCode.POWER_SWITCH_FAILURE,
    ChargePointErrorCode.UNDER_VOLTAGE: ChargePointErrorCode.POWER_SWITCH_FAILURE,
    ChargePointErrorCode.OTHER_ERROR: ChargePointErrorCode.POWER_SWITCH_FAILURE,
    ChargePointErrorCode.WEAK_SIGNAL: ChargePointErrorCode.NO_ERROR,
}


def status_notification(
    version: Version,
    connector_id: int,
    status: ChargePointStatus,
    error_code: ChargePointErrorCode,
    timestamp: datetime,
) -> StatusNotificationRequest:
    """The message for a state; 1.2 gets the nearest one that it has, and no timestamp."""
    if version is Version.V12:
        if status is ChargePointStatus.RESERVED:
            status = ChargePointStatus.OCCUPIED
        return StatusNotificationRequest(
            connector_id=connector_id, status=status, error_code=_ERROR_CODE_12.get(error_code, error_code)
        )
    return StatusNotificationRequest(
        connector_id=connector_id, status=status, error_code=error_code, timestamp=timestamp
    )
