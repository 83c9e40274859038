"""UnlockConnector: end the transaction of a connector and let go of the cable (12 §5.8, 15 §5.14)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import UnlockConnectorRequest, UnlockConnectorResponse, UnlockStatus


def handle(request: UnlockConnectorRequest, call: ChargePointCall) -> UnlockConnectorResponse:
    """The answer is the result: Rejected if the lock is stuck or there is no such connector."""
    unlocked = call.station.unlock(request.connector_id)
    return UnlockConnectorResponse(status=UnlockStatus.ACCEPTED if unlocked else UnlockStatus.REJECTED)
