"""GetConfiguration: read the named keys, or all (15 §5.6)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import GetConfigurationRequest, GetConfigurationResponse


def handle(request: GetConfigurationRequest, call: ChargePointCall) -> GetConfigurationResponse:
    """Names that the station does not know come back as unknownKey."""
    known, unknown = call.station.configuration.read(request.key)
    return GetConfigurationResponse(configuration_key=known, unknown_key=unknown)
