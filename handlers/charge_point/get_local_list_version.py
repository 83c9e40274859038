"""GetLocalListVersion (15 §5.8)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import GetLocalListVersionRequest, GetLocalListVersionResponse

NOT_SUPPORTED = -1


def handle(request: GetLocalListVersionRequest, call: ChargePointCall) -> GetLocalListVersionResponse:
    """0 before the first SendLocalList, -1 if the station is configured to have no list."""
    enabled = call.station.configuration.enabled("LocalAuthListEnabled")
    return GetLocalListVersionResponse(list_version=call.station.local_list.list_version if enabled else NOT_SUPPORTED)
