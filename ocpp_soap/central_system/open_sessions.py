"""Transactions that are open for too long: told as events, and closed by hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ocpp_soap.central_system.collections import TRANSACTIONS
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.records import revise
from ocpp_soap.central_system.transactions import Transaction, Transactions, TransactionState, read
from ocpp_soap.storage.base import Document, Range, Storage

PAGE = 500


class OpenSessions:
    """The open transactions. ``limit`` in seconds is how long one may be open unnoticed, 0: for ever."""

    def __init__(self, store: Storage, transactions: Transactions, events: Events, *, limit: float) -> None:
        self._store = store
        self._transactions = transactions
        self._events = events
        self._limit = limit

    def search(self, mark: Document) -> Document:
        """Tell of each transaction, once, that has been open for longer than the limit."""
        if not self._limit:
            return mark
        begun = Range(None, datetime.now(timezone.utc) - timedelta(seconds=self._limit))
        where = {"state": TransactionState.OPEN.value, "begun_at": begun}
        for page in self._store.find_pages(TRANSACTIONS, where, limit=PAGE):
            for item in page.items:
                transaction = read(item.document)
                if transaction.reported_open_at is None:
                    self._tell("transaction.open_too_long", transaction, f"transaction.open_too_long:{item.key}")
                    revise(self._store, TRANSACTIONS, item.key, _reported_open, stored=item)
        return mark

    def close(self, transaction_id: int, reason: str, *, by: str = "") -> Transaction | None:
        """Close an open transaction by hand; None: there is no such transaction.

        Meter and time of the stop stay unknown; should the station still send its stop, that one counts. Raises
        ValueError for one that is not open, and for an empty reason.
        """
        if not reason.strip():
            raise ValueError("a transaction is closed by hand for a reason; say which")
        found = self._transactions.find_stored(transaction_id)
        if found is None:
            return None
        now = datetime.now(timezone.utc)

        def closed(document: Document) -> Document:
            if document["state"] != TransactionState.OPEN:
                raise ValueError(f"transaction {transaction_id} is {document['state']}; only an open one can be closed")
            by_hand = {"inferred": True, "inferred_at": now, "closed_by": by or "somebody", "close_reason": reason}
            return {**document, **by_hand, "state": TransactionState.CLOSED.value}

        stored = revise(self._store, TRANSACTIONS, found.key, closed, durable=True, stored=found)
        if stored is None:
            return None
        transaction = read(stored.document)
        self._tell("transaction.closed_by_hand", transaction, reason=reason, by=by)
        return transaction

    def _tell(self, kind: str, transaction: Transaction, key: str = "", **data: Any) -> None:
        self._events.add(
            kind,
            transaction.charge_box_identity,
            key=key,
            transaction_id=transaction.transaction_id,
            connector_id=transaction.connector_id,
            id_tag=transaction.id_tag,
            begun_at=transaction.begun_at,
            **data,
        )


def _reported_open(document: Document) -> Document | None:
    """Noted with the transaction, since its event does not stay as long as it may be open."""
    if document["state"] != TransactionState.OPEN:
        return None
    return {**document, "reported_open_at": datetime.now(timezone.utc)}
