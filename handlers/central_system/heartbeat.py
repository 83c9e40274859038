"""Heartbeat: the station is alive and wants to know the time (12 §4.5, 15 §4.6)."""

from datetime import datetime, timezone

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import HeartbeatRequest, HeartbeatResponse


def handle(request: HeartbeatRequest, call: CentralSystemCall) -> HeartbeatResponse:
    """Tell the time; that the station was heard is noted for every action."""
    return HeartbeatResponse(current_time=datetime.now(timezone.utc).replace(microsecond=0))
