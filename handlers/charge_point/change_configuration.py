"""ChangeConfiguration: set a key, with effect at once (12 §5.2, 15 §5.3)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import ChangeConfigurationRequest, ChangeConfigurationResponse


def handle(request: ChangeConfigurationRequest, call: ChargePointCall) -> ChangeConfigurationResponse:
    """NotSupported for an unknown key, Rejected for a read-only key or a value that it cannot have."""
    return ChangeConfigurationResponse(status=call.station.configuration.set(request.key, request.value))
