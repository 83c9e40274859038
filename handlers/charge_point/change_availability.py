"""ChangeAvailability: take a connector or the station out of, or back into, use (12 §5.1, 15 §5.2)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailabilityRequest,
    ChangeAvailabilityResponse,
)


def handle(request: ChangeAvailabilityRequest, call: ChargePointCall) -> ChangeAvailabilityResponse:
    """Scheduled while a transaction runs there; StatusNotification follows the change."""
    if not isinstance(request.type, AvailabilityType):
        return ChangeAvailabilityResponse(status=AvailabilityStatus.REJECTED)
    return ChangeAvailabilityResponse(status=call.station.availability.change(request.connector_id, request.type))
