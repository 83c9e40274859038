"""UpdateFirmware: fetch and install a firmware file from ``location`` after ``retrieve_date`` (12 §5.9, 15 §5.15)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import UpdateFirmwareRequest, UpdateFirmwareResponse


def handle(request: UpdateFirmwareRequest, call: ChargePointCall) -> UpdateFirmwareResponse:
    """The answer cannot refuse; FirmwareStatusNotification tells how it goes on."""
    call.station.firmware.update(request)
    return UpdateFirmwareResponse()
