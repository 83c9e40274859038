"""SendLocalList: replace or change the local authorisation list (15 §5.13)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import SendLocalListRequest, SendLocalListResponse, UpdateStatus, UpdateType


def handle(request: SendLocalListRequest, call: ChargePointCall) -> SendLocalListResponse:
    """All or nothing; VersionMismatch if a Differential is not newer than the list. The hash is ignored."""
    station = call.station
    if not station.configuration.enabled("LocalAuthListEnabled"):
        return SendLocalListResponse(status=UpdateStatus.NOT_SUPPORTED)
    if not isinstance(request.update_type, UpdateType):
        return SendLocalListResponse(status=UpdateStatus.FAILED)
    status = station.local_list.update(request.update_type, request.list_version, request.local_authorisation_list)
    station.save_state()
    return SendLocalListResponse(status=status)
