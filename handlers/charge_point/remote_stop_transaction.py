"""RemoteStopTransaction: stop a running transaction (12 §5.6, 15 §5.10)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import (
    RemoteStartStopStatus,
    RemoteStopTransactionRequest,
    RemoteStopTransactionResponse,
)


def handle(request: RemoteStopTransactionRequest, call: ChargePointCall) -> RemoteStopTransactionResponse:
    """Accepted: StopTransaction follows. Rejected: no transaction of that id is running here."""
    promised = call.station.sessions.remote_stop(request.transaction_id)
    status = RemoteStartStopStatus.ACCEPTED if promised else RemoteStartStopStatus.REJECTED
    return RemoteStopTransactionResponse(status=status)
