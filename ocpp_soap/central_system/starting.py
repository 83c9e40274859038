"""How a transaction begins (12 §4.7, 15 §4.8): once for each start, however often and wherever its message arrives.

The store's key is the content of the start, so a retry meets the first one, at another worker and at the same moment
too. The answer is stored with it, so a retry is told the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial

from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.collections import EVENTS, TRANSACTIONS
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import RESERVED
from ocpp_soap.central_system.observation import started, started_key
from ocpp_soap.central_system.records import digest, document_of, fold, revise, warning_documents
from ocpp_soap.central_system.reservations import Reservations
from ocpp_soap.central_system.reserved_connectors import reserved_key
from ocpp_soap.central_system.texts import LONGEST_ID_TAG, shortened
from ocpp_soap.central_system.transaction_ids import TransactionIds
from ocpp_soap.central_system.transactions import Transaction, Transactions, TransactionState, read
from ocpp_soap.dispatch import Call
from ocpp_soap.errors import AlreadyExists, NotAlone, RetryLater
from ocpp_soap.messages import AuthorizationStatus, IdTagInfo, StartTransactionRequest
from ocpp_soap.storage.base import Document, Other, Storage, Stored

PATIENCE = 1.0
"""Seconds that a start waits for racing ones with the same tag, which began after it, to give way."""

TURN, MOST_TURNS = 0.2, 5
"""Seconds between the starts that give way one after the other, and how many of such steps there are."""


SETTLED = timedelta(seconds=5)
"""Age from which the first answer to a start is not looked at again."""


class Starting:
    """The rule of StartTransaction.

    With ``events``, a start is stored together with its event where that is one write; without, nothing is told here,
    as a handler of somebody's own may still answer something else.
    """

    def __init__(
        self, store: Storage, transactions: Transactions, reservations: Reservations, events: Events | None
    ) -> None:
        self._store = store
        self._ids = TransactionIds(store)
        self._transactions = transactions
        self._reservations = reservations
        self._events = events

    def start(
        self,
        request: StartTransactionRequest,
        call: CentralSystemCall,
        *,
        authorize: Callable[[str], IdTagInfo],
        max_concurrent: Callable[[str], int],
    ) -> Transaction:
        """The transaction of this start, its answer included; on disk on return.

        ``authorize`` gives the tag's status and ``max_concurrent`` its allowance; what they say to a retry does not
        count. A start with a refused tag is recorded like any other. Other open transactions of the connector are
        closed as inferred, and a reservation that it is for is used.
        """
        key = start_key(call.charge_box_identity, request)
        begun = self._begun(request, call, authorize(request.id_tag), max_concurrent(request.id_tag))
        transaction_id = self._ids.next()
        try:
            return self._start_alone(key, begun, transaction_id, call)
        except (AlreadyExists, NotAlone):
            transaction = self._start_among_others(key, begun, transaction_id, call)
        self._reservations.started(transaction)
        return transaction

    def _start_alone(self, key: str, begun: Document, transaction_id: int, call: CentralSystemCall) -> Transaction:
        """Start where nothing else is to be looked at. Raises AlreadyExists for a retry, NotAlone."""
        identity, connector_id, is_open = begun["charge_box_identity"], begun["connector_id"], begun["state"]
        if begun.get("reservation_id") is not None or call.again or call.is_replayed:
            raise NotAlone("A reservation is used, it was tried a moment ago, or others have begun since it came.")
        at_station = {"charge_box_identity": identity, "state": is_open}
        others = [
            Other(TRANSACTIONS, at_station, {"connector_id": connector_id}),
            Other(RESERVED, reserved_key(identity, connector_id)),
        ]
        if begun["max_concurrent"] and _is_accepted(begun):
            others.append(Other(TRANSACTIONS, {"tag_key": begun["tag_key"], "state": is_open}))
        document = {**begun, "transaction_id": transaction_id}
        if self._events is None:
            stored = self._store.create_alone(TRANSACTIONS, key, document, others, durable=True)
        else:
            event = started(call, transaction_id, begun["id_tag_info"]["status"])
            with self._events.together(**event, pending=call.pending) as told:
                stored = self._store.create_alone(
                    TRANSACTIONS, key, document, others, {EVENTS: told.entries}, durable=True, pending=call.pending
                )
                told.is_stored = True
            call.is_told = True
        call.once_stored(lambda: self._transactions.remember(transaction_id, stored))
        return read(document)

    def _start_among_others(
        self, key: str, begun: Document, transaction_id: int, call: CentralSystemCall
    ) -> Transaction:
        is_retry = False
        stored: Stored | None
        try:
            document = {**self._allowed(begun), "transaction_id": transaction_id}
            stored = self._create(key, document, call)
            self._transactions.remember(transaction_id, stored)
        except AlreadyExists:
            is_retry = True
            stored = self._store.get(TRANSACTIONS, key)
        if stored is None:
            raise RetryLater("The transaction was removed while it began.")
        transaction = self._close_others(stored, call)
        if is_retry and abs(call.received_at - (transaction.start_received_at or call.received_at)) > SETTLED:
            return transaction
        return self._keep_allowance(key, transaction, is_retry=is_retry)

    def _create(self, key: str, document: Document, call: CentralSystemCall) -> Stored:
        """Store a start, with its event if its answer cannot change any more. Raises AlreadyExists."""
        if self._events is None or (document["max_concurrent"] and _is_accepted(document)):
            return self._store.create(TRANSACTIONS, key, document, durable=True)
        event = started(call, document["transaction_id"], document["id_tag_info"]["status"])
        with self._events.together(**event) as told:
            entries = {EVENTS: told.entries}
            stored = self._store.create_and_append(TRANSACTIONS, key, document, entries, durable=True)
            told.is_stored = True
        call.is_told = True
        return stored

    def _begun(self, request: StartTransactionRequest, call: Call, info: IdTagInfo, max_concurrent: int) -> Document:
        id_tag = shortened(request.id_tag, "idTag", call.warnings, LONGEST_ID_TAG)
        values = {
            "charge_box_identity": call.charge_box_identity,
            "begun_at": request.timestamp,
            "state": TransactionState.OPEN.value,
            "version": call.version.value,
            "connector_id": request.connector_id,
            "id_tag": id_tag,
            "tag_key": fold(request.id_tag),
            "reservation_id": request.reservation_id,
            "start_time": request.timestamp,
            "start_received_at": call.received_at,
            "meter_start": request.meter_start,
            "id_tag_info": document_of(info),
            "max_concurrent": max_concurrent,
            "start_warnings": warning_documents(call.warnings),
            "inferred": False,
            "stop_warnings": [],
        }
        return {name: value for name, value in values.items() if value is not None}

    def _allowed(self, begun: Document) -> Document:
        """What a start is told if other transactions use up the tag's allowance: ConcurrentTx."""
        allowed = begun["max_concurrent"]
        if allowed and _is_accepted(begun) and len(self._others(read(begun))) >= allowed:
            return _refused_as_concurrent(begun)
        return begun

    def _others(self, transaction: Transaction) -> list[Transaction]:
        """The open accepted transactions of the tag but this one and those of its connector, which it closes."""
        tag_key = transaction.tag_key or ""
        if self._transactions.count_open_with(tag_key) <= (transaction.transaction_id is not None):
            return []
        place = (transaction.charge_box_identity, transaction.connector_id)
        found = self._transactions.open_with(tag_key)
        return [other for other in found if (other.charge_box_identity, other.connector_id) != place]

    def _close_others(self, started: Stored, call: CentralSystemCall) -> Transaction:
        """Close what is open on the connector but its latest transaction; the same after a crash, or at a retry.

        A replayed start is closed also by one that came after it and has ended since.
        """
        transaction = read(started.document)
        place = transaction.charge_box_identity, transaction.connector_id or 0
        if call.is_replayed:
            _, later = self._transactions.around(*place, transaction.arrival[0])
            if later is not None:
                closed = revise(self._store, TRANSACTIONS, started.key, partial(_closed_as_inferred, later, call))
                transaction = read((closed or started).document)
        found = self._transactions.open_at(*place)
        while found and found[-1][0] != started.key and _is_ahead(found[-1][1]):
            placed = revise(self._store, TRANSACTIONS, started.key, partial(_placed_behind, found[-1][1]))
            if placed is None or placed.document["state"] != TransactionState.OPEN:
                break
            transaction, found = read(placed.document), self._transactions.open_at(*place)
        for key, _ in found[:-1]:
            revise(self._store, TRANSACTIONS, key, partial(_closed_as_inferred, found[-1][1], call))
        return transaction

    def _keep_allowance(self, key: str, transaction: Transaction, *, is_retry: bool) -> Transaction:
        """Give way if racing starts with the same tag exceed what it is allowed: the one that came first keeps it.

        A later one that already answered cannot give way any more, so one of these does after :data:`PATIENCE`: the
        latest first, then the one before it sees whether that was enough. Another message of the same start may be
        answered meanwhile: then all are told the same. A retry lets the first one, unless that broke off, decide.
        """
        allowed = transaction.max_concurrent
        if not allowed or not transaction.was_accepted or transaction.state != TransactionState.OPEN:
            return transaction
        begun = time.monotonic() + (TURN if is_retry else 0)
        may_have_changed = is_retry
        while True:
            others = self._others(transaction)
            earlier = [other for other in others if other.arrival < transaction.arrival]
            if len(others) < allowed:
                break
            may_have_changed = True
            turn = min(allowed - len(earlier), MOST_TURNS)
            if time.monotonic() >= begun + (PATIENCE + TURN * turn if turn > 0 else 0):
                if self._is_answered(transaction):
                    break
                stored = revise(self._store, TRANSACTIONS, key, _refused_as_concurrent, durable=True)
                return read(stored.document) if stored else transaction
            time.sleep(0.01)
        found = self._store.get(TRANSACTIONS, key) if may_have_changed else None
        return read(found.document) if found else transaction

    def _is_answered(self, transaction: Transaction) -> bool:
        """Whether a message of this start was answered: its event is stored before the answer leaves."""
        if self._events is None or transaction.transaction_id is None:
            return False
        key = started_key(transaction.charge_box_identity, transaction.transaction_id, transaction.begun_at)
        return self._events.get(key) is not None


def start_key(charge_box_identity: str, request: StartTransactionRequest) -> str:
    """The key of a start: station, connector, tag in any letter case, start time and meter."""
    content = (request.connector_id, fold(request.id_tag), request.timestamp, request.meter_start)
    return digest(charge_box_identity, *content, at=request.timestamp)


def _is_accepted(document: Document) -> bool:
    return bool(document["id_tag_info"].get("status") == AuthorizationStatus.ACCEPTED)


def _is_ahead(transaction: Transaction) -> bool:
    """Whether it seems to have come in the future: it was there before what comes now, by a clock that was ahead."""
    return transaction.arrival[0] > datetime.now(timezone.utc)


def _placed_behind(latest: Transaction, document: Document) -> Document | None:
    if document["state"] != TransactionState.OPEN:
        return None
    return {**document, "placed_at": latest.arrival[0] + timedelta(microseconds=1)}


def _closed_as_inferred(latest: Transaction, call: Call, document: Document) -> Document | None:
    """Closed, unless it was placed behind the latest one meanwhile."""
    if document["state"] != TransactionState.OPEN or read(document).arrival >= latest.arrival:
        return None
    inferred_at = max(call.received_at, latest.start_received_at or call.received_at)  # the latter if replayed
    return {**document, "state": TransactionState.CLOSED.value, "inferred": True, "inferred_at": inferred_at}


def _refused_as_concurrent(document: Document) -> Document:
    info = {**document["id_tag_info"], "status": AuthorizationStatus.CONCURRENT_TX.value}
    return {**document, "id_tag_info": info}
