"""CancelReservation: end a reservation by its id (15 §5.1)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import CancelReservationRequest, CancelReservationResponse, CancelReservationStatus


def handle(request: CancelReservationRequest, call: ChargePointCall) -> CancelReservationResponse:
    """Accepted if there was such a reservation."""
    cancelled = call.station.reservations.cancel(request.reservation_id)
    status = CancelReservationStatus.ACCEPTED if cancelled else CancelReservationStatus.REJECTED
    return CancelReservationResponse(status=status)
