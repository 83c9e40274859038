"""StartTransaction: charging has started (12 §4.7, 15 §4.8)."""

from ocpp_soap.central_system import CentralSystemCall
from ocpp_soap.messages import StartTransactionRequest, StartTransactionResponse


def handle(request: StartTransactionRequest, call: CentralSystemCall) -> StartTransactionResponse:
    """Record the start and answer with its id and the tag's status; a retry gets its first answer again."""
    transaction = call.central_system.start_transaction(request, call)
    return StartTransactionResponse(transaction_id=transaction.transaction_id or 0, id_tag_info=transaction.answered)
