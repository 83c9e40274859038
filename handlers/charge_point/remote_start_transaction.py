"""RemoteStartTransaction: start for a tag as if it had been presented (12 §5.5, 15 §5.9)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import (
    RemoteStartStopStatus,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
)


def handle(request: RemoteStartTransactionRequest, call: ChargePointCall) -> RemoteStartTransactionResponse:
    """Accepted: StartTransaction follows when the cable is in, within ConnectionTimeOut."""
    promised = call.station.sessions.remote_start(request.id_tag, request.connector_id)
    status = RemoteStartStopStatus.ACCEPTED if promised else RemoteStartStopStatus.REJECTED
    return RemoteStartTransactionResponse(status=status)
