"""GetDiagnostics: upload the station's log as one compressed file (12 §5.4, 15 §5.7)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import GetDiagnosticsRequest, GetDiagnosticsResponse


def handle(request: GetDiagnosticsRequest, call: ChargePointCall) -> GetDiagnosticsResponse:
    """DiagnosticsStatusNotification follows; no file name: the log holds nothing of that time, and nothing does."""
    return GetDiagnosticsResponse(file_name=call.station.diagnostics.request(request))
