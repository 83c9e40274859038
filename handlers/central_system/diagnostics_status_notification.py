"""DiagnosticsStatusNotification: how an upload of diagnostics ended (12 §4.3, 15 §4.4)."""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.central_system.notifications import Subject
from ocpp_soap.messages import DiagnosticsStatusNotificationRequest, DiagnosticsStatusNotificationResponse


def handle(
    request: DiagnosticsStatusNotificationRequest, call: CentralSystemCall
) -> DiagnosticsStatusNotificationResponse:
    """Keep it in the history of the station."""
    call.central_system.notifications.add(Subject.DIAGNOSTICS, request.status, call)
    return DiagnosticsStatusNotificationResponse()
