"""FirmwareStatusNotification: how far a firmware update got (12 §4.4, 15 §4.5)."""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.central_system.notifications import Subject
from ocpp_soap.messages import FirmwareStatusNotificationRequest, FirmwareStatusNotificationResponse


def handle(request: FirmwareStatusNotificationRequest, call: CentralSystemCall) -> FirmwareStatusNotificationResponse:
    """Keep it in the history of the station."""
    call.central_system.notifications.add(Subject.FIRMWARE, request.status, call)
    return FirmwareStatusNotificationResponse()
