"""StatusNotification: the state of a connector, or of the station as connector 0 (12 §4.8, 15 §4.9)."""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import StatusNotificationRequest, StatusNotificationResponse


def handle(request: StatusNotificationRequest, call: CentralSystemCall) -> StatusNotificationResponse:
    """Keep it in the history and as the connector's current status."""
    call.central_system.statuses.add(request, call)
    return StatusNotificationResponse()
