"""How a transaction ends (12 §4.9, 15 §4.10): always, whatever the tag, the meter or the id that the station names."""

from __future__ import annotations

from contextlib import suppress

from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.collections import EVENTS, TRANSACTIONS
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.meter_values import MeterValues
from ocpp_soap.central_system.observation import stopped
from ocpp_soap.central_system.records import digest, document_of, fold, revise, warning_documents
from ocpp_soap.central_system.texts import LONGEST_ID_TAG, shortened
from ocpp_soap.central_system.transactions import Transaction, Transactions, TransactionState, read
from ocpp_soap.dispatch import Call, MessageWarning
from ocpp_soap.errors import AlreadyExists
from ocpp_soap.messages import StopTransactionRequest
from ocpp_soap.storage.base import Document, Storage, Stored


class Stopping:
    """The rule of StopTransaction."""

    def __init__(self, store: Storage, transactions: Transactions, meter_values: MeterValues, events: Events) -> None:
        self._store = store
        self._transactions = transactions
        self._meter_values = meter_values
        self._events = events

    def stop(self, request: StopTransactionRequest, call: CentralSystemCall) -> Transaction:
        """The transaction that this stop closed; on disk on return, its transactionData too.

        A repeated stop changes nothing. A real stop replaces an inferred one. A stop for an id that is no transaction
        of this station, or for one that another stop has closed, is kept as an orphan.
        """
        found = self._transactions.find_to_stop(request.transaction_id) if request.transaction_id > 0 else None
        if found is not None and found.document["charge_box_identity"] != call.charge_box_identity:
            found = None
        if request.transaction_data:
            self._meter_values.add_transaction_data(request, call, None if found is None else read(found.document))
        if found is None:
            return self._keep_orphan(request, call)
        transaction = read((self._close(found, request, call) or found).document)
        if _is_same_stop(transaction, request):
            return transaction
        call.warnings.append(MessageWarning("already_stopped", "transactionId", str(request.transaction_id)))
        return self._keep_orphan(request, call)

    def _close(self, found: Stored, request: StopTransactionRequest, call: CentralSystemCall) -> Stored | None:
        """Store the stop with its event, unless the transaction is closed already; the transaction as it is then."""
        closed: Document | None = None

        def close(document: Document) -> Document | None:
            nonlocal closed
            closed = _closed(document, request, call)
            return closed

        with self._events.together(**stopped(call), pending=call.pending) as told:
            stored = revise(
                self._store,
                TRANSACTIONS,
                found.key,
                close,
                durable=True,
                stored=found,
                append={EVENTS: told.entries},
                pending=call.pending,
            )
            told.is_stored = closed is not None and stored is not None
        call.is_told = told.is_stored
        return stored

    def _keep_orphan(self, request: StopTransactionRequest, call: Call) -> Transaction:
        values = _stop_values(request, call, list(call.warnings))
        orphan = Transaction(
            charge_box_identity=call.charge_box_identity,
            begun_at=request.timestamp,
            state=TransactionState.ORPHAN.value,
            reported_transaction_id=request.transaction_id,
            version=call.version.value,
            tag_key=fold(request.id_tag) if request.id_tag else None,
            id_tag=values["stop_id_tag"],
            **values,
        )
        content = (request.transaction_id, request.timestamp, request.meter_stop)
        key = digest(call.charge_box_identity, "orphan", *content, at=request.timestamp)
        with suppress(AlreadyExists):
            self._store.create(TRANSACTIONS, key, document_of(orphan), durable=True)
        return orphan


def _closed(document: Document, request: StopTransactionRequest, call: Call) -> Document | None:
    if document["state"] != TransactionState.OPEN and not document.get("inferred"):
        return None
    meter_start, start_time = document.get("meter_start"), document.get("start_time")
    warnings = list(call.warnings)
    if meter_start is not None and request.meter_stop < meter_start:
        warnings.append(MessageWarning("meter_ran_backwards", "meterStop", str(request.meter_stop)))
    if start_time is not None and request.timestamp < start_time:
        warnings.append(MessageWarning("stop_before_start", "timestamp", request.timestamp.isoformat()))
    closed = {"state": TransactionState.CLOSED.value, "inferred": False}
    return {**document, **closed, **_stop_values(request, call, warnings)}


def _stop_values(request: StopTransactionRequest, call: Call, warnings: list[MessageWarning]) -> Document:
    stop_id_tag = shortened(request.id_tag or None, "idTag", warnings, LONGEST_ID_TAG)
    return {
        "stop_time": request.timestamp,
        "stop_received_at": call.received_at,
        "meter_stop": request.meter_stop,
        "stop_id_tag": stop_id_tag,
        "stop_warnings": warning_documents(warnings),
    }


def _is_same_stop(transaction: Transaction, request: StopTransactionRequest) -> bool:
    return transaction.stop_time == request.timestamp and transaction.meter_stop == request.meter_stop
