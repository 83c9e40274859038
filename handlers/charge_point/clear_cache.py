"""ClearCache: forget the tags that were learned from answers (12 §5.3, 15 §5.4)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import ClearCacheRequest, ClearCacheResponse, ClearCacheStatus


def handle(request: ClearCacheRequest, call: ChargePointCall) -> ClearCacheResponse:
    """What SendLocalList brought stays."""
    call.station.local_list.clear_learned()
    call.station.save_state()
    return ClearCacheResponse(status=ClearCacheStatus.ACCEPTED)
