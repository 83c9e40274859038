"""BootNotification: a station has started and says what it is (12/15 §4.2)."""

from datetime import datetime, timezone

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import BootNotificationRequest, BootNotificationResponse, RegistrationStatus


def handle(request: BootNotificationRequest, call: CentralSystemCall) -> BootNotificationResponse:
    """Keep what a known station says of itself; accept it unless it is blocked or unknown."""
    central_system, station = call.central_system, call.station
    interval = central_system.admission.heartbeat_interval(station)
    if station.is_known:
        central_system.stations.booted(station, request, call.received_at, call.warnings, told_interval=interval)
    return BootNotificationResponse(
        status=RegistrationStatus.ACCEPTED if station.is_accepted else RegistrationStatus.REJECTED,
        current_time=datetime.now(timezone.utc).replace(microsecond=0),
        heartbeat_interval=interval,
    )
