"""ReserveNow: keep a connector, or with 0 any one, for a tag until a date (15 §5.11)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import ReserveNowRequest, ReserveNowResponse


def handle(request: ReserveNowRequest, call: ChargePointCall) -> ReserveNowResponse:
    """The reservation ends by itself: with its start, at its expiryDate, or with a fault."""
    return ReserveNowResponse(status=call.station.reservations.reserve(request))
