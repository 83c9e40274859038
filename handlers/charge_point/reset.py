"""Reset: stop all transactions and start again (12 §5.7, 15 §5.12)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import ResetRequest, ResetResponse, ResetStatus, ResetType


def handle(request: ResetRequest, call: ChargePointCall) -> ResetResponse:
    """Soft and Hard both end in a BootNotification; the answer goes first."""
    if not isinstance(request.type, ResetType):
        return ResetResponse(status=ResetStatus.REJECTED)
    call.station.restarts.promise()
    call.station.after_the_answer(call.station.reset)
    return ResetResponse(status=ResetStatus.ACCEPTED)
