"""DataTransfer: something outside OCPP, for the vendor's own handler in ``data_transfer/<vendorId>.py`` (15 §5.5)."""

from ocpp_soap.charge_point import ChargePointCall
from ocpp_soap.messages import DataTransferRequest, DataTransferResponse, DataTransferStatus


def handle(request: DataTransferRequest, call: ChargePointCall) -> DataTransferResponse:
    """Let the vendor's handler answer, if there is one of exactly that vendorId."""
    vendor = call.vendors.get(request.vendor_id)
    if vendor is None:
        return DataTransferResponse(status=DataTransferStatus.UNKNOWN_VENDOR_ID)
    response: DataTransferResponse = vendor(request, call)
    return response
