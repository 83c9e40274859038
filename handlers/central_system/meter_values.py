"""MeterValues: readings of a connector or of the main meter (12 §4.6, 15 §4.7)."""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import MeterValuesRequest, MeterValuesResponse


def handle(request: MeterValuesRequest, call: CentralSystemCall) -> MeterValuesResponse:
    """Keep all of them, whatever transaction they name."""
    call.central_system.meter_values.add(request, call)
    return MeterValuesResponse()
