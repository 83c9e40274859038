"""StopTransaction: a transaction has ended (12 §4.9, 15 §4.10)."""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import StopTransactionRequest, StopTransactionResponse


def handle(request: StopTransactionRequest, call: CentralSystemCall) -> StopTransactionResponse:
    """Close the transaction whatever the tag; say of the tag, if one was sent, whether it may charge."""
    call.central_system.stop_transaction(request, call)
    return StopTransactionResponse(id_tag_info=call.authorize(request.id_tag) if request.id_tag else None)
