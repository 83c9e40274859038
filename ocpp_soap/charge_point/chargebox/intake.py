"""From the documents of the hardware side to the station's queue, and from the answers back to the documents."""

from __future__ import annotations

from typing import Any

import structlog

from ocpp_soap.charge_point.authorization import Decision
from ocpp_soap.charge_point.chargebox import documents
from ocpp_soap.charge_point.chargebox.documents import StartDocument, StatusDocument, StopDocument, TagRequest, Unusable
from ocpp_soap.charge_point.chargebox.exchange import (
    ANSWERED,
    BY_NAME,
    CONNECTORS,
    FAILED,
    QUEUED,
    RECEIVED,
    START_TRANSACTIONS,
    STATUS_NOTIFICATIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
    Exchange,
)
from ocpp_soap.charge_point.chargebox.station import BoxStation
from ocpp_soap.charge_point.connector import Connector
from ocpp_soap.charge_point.queueing import Entry
from ocpp_soap.charge_point.status import status_notification
from ocpp_soap.charge_point.transaction import Transaction
from ocpp_soap.errors import OcppSoapError, StoreClosed, StoreUnavailable
from ocpp_soap.messages import (
    StartTransactionRequest,
    StartTransactionResponse,
    StopTransactionRequest,
    StopTransactionResponse,
    Version,
)
from ocpp_soap.storage.base import Collection, Document

_log = structlog.get_logger("ocpp_soap.chargebox")


class Intake:
    """Takes what the hardware side inserted, in its order; what cannot be sent fails and blocks nothing."""

    def __init__(self, station: BoxStation, exchange: Exchange) -> None:
        self._station = station
        self._exchange = exchange
        self._take = {
            TAG_REQUESTS.name: self._tag,
            STATUS_NOTIFICATIONS.name: self._status,
            START_TRANSACTIONS.name: self._start,
            STOP_TRANSACTIONS.name: self._stop,
        }

    def resume(self) -> None:
        """After a restart: take again what was marked as queued and is in no queue."""
        known = self._station.outbox.sources()
        for collection, stored in self._exchange.in_state(QUEUED):
            if _source(collection, stored.key) not in known:
                self._exchange.update(collection, stored.key, state=RECEIVED)

    def take(self) -> None:
        """Queue every new document, when all answers are written.

        Raises StoreUnavailable and StoreClosed: what is not queued yet can be later.
        """
        with self._station.lock:
            if not self._station.keeping.settle():
                return
        for collection, stored in self._exchange.in_state(RECEIVED):
            with self._station.lock:
                if _source(collection, stored.key) in self._station.outbox.sources():
                    self._exchange.update(collection, stored.key, state=QUEUED)
                    continue
                if (self._exchange.get(collection, stored.key) or {}).get("state") != RECEIVED:
                    continue  # it was answered since it was found
                try:
                    self._take[collection.name](stored.key, stored.document)
                except Unusable as reason:
                    self._fail(collection, stored.key, str(reason))
                except (StoreUnavailable, StoreClosed):
                    raise
                except Exception as error:
                    _log.exception("document could not be taken", collection=collection.name, key=stored.key)
                    if collection is START_TRANSACTIONS:
                        self._station.sessions.ended(stored.key)
                    self._fail(collection, stored.key, f"{type(error).__name__}: {error}")

    def delivered(self, entry: Entry, response: Any) -> None:
        """Write the answer of the central system into the document that the request was made of."""
        if not entry.source:
            return
        answer: Document = {}
        if isinstance(response, StartTransactionResponse):
            info = response.id_tag_info
            answer = {"transaction_id": response.transaction_id, "status_of_tag": str(info.status)}
        elif isinstance(response, StopTransactionResponse) and response.id_tag_info is not None:
            answer = {"status_of_tag": str(response.id_tag_info.status)}
        collection, key = _place(entry.source)
        self._tell(collection, key, state=ANSWERED, answered=self._station.now(), **answer)

    def given_up(self, entry: Entry, error: OcppSoapError) -> None:
        """Say in the document why its request cannot be delivered."""
        if entry.source:
            collection, key = _place(entry.source)
            _log_failed(collection, key, str(error))
            self._tell(collection, key, state=FAILED, reason=str(error))

    def _tag(self, key: str, content: Document) -> None:
        request: TagRequest = documents.read(TagRequest, content)
        self._check_connector(request.connector_id)
        self._exchange.update(TAG_REQUESTS, key, state=QUEUED)
        self._station.authorization.decide(request.id_tag, lambda decision: self._decided(key, request, decision))

    def _decided(self, key: str, request: TagRequest, decision: Decision) -> None:
        connector = self._station.connectors[request.connector_id]
        reservations = self._station.reservations
        admitted = reservations.admits(connector, request.id_tag, decision.parent_id_tag)
        self._tell(
            TAG_REQUESTS,
            key,
            state=ANSWERED,
            answered=self._station.now(),
            accepted=decision.accepted and (admitted or connector.transaction is not None),
            status_of_tag=decision.reason,
            parent_id_tag=decision.parent_id_tag,
        )

    def _status(self, key: str, content: Document) -> None:
        document: StatusDocument = documents.read(StatusDocument, content)
        if document.connector_id:
            self._check_connector(document.connector_id)
        station = self._station
        request = status_notification(
            station.version,
            document.connector_id,
            document.status,
            document.error_code,
            document.timestamp or station.now(),
        )
        if station.version is Version.V15:
            request.info, request.vendor_id = document.info, document.vendor_id
            request.vendor_error_code = document.vendor_error_code
        known = {"status": str(document.status), "error_code": str(document.error_code)}
        self._exchange.update(CONNECTORS, str(document.connector_id), **known)
        station.controller_reported(document.connector_id, document.status)
        self._queue(STATUS_NOTIFICATIONS, key, request)

    def _start(self, key: str, content: Document) -> None:
        document: StartDocument = documents.read(StartDocument, content)
        connector = self._check_connector(document.connector_id)
        self._let_go_of_failed(connector)
        if connector.transaction is not None and connector.transaction.handle != key:
            if self._exchange.is_stopped(connector.transaction.handle):
                return  # that is taken first, in this turn: a clock that was set back, or is coarse, has put it behind
            raise Unusable(f"connector {document.connector_id} has a transaction that was not stopped")
        station = self._station
        parent = (
            connector.waiting.parent_id_tag if connector.waiting else station.authorization.parent_of(document.id_tag)
        )
        reservation = station.reservations.for_tag(document.connector_id, document.id_tag, parent)
        reservation_id = document.reservation_id or (reservation.reservation_id if reservation else None)
        station.sessions.adopt(
            connector,
            Transaction(
                document.connector_id, document.id_tag, document.timestamp, document.meter_start, parent,
                reservation_id, handle=key,
            ),
        )  # fmt: skip
        request = StartTransactionRequest(
            connector_id=document.connector_id,
            id_tag=document.id_tag,
            timestamp=document.timestamp,
            meter_start=document.meter_start,
            reservation_id=reservation_id if station.version is Version.V15 else None,
        )
        self._queue(START_TRANSACTIONS, key, request, transaction=key)
        if reservation is not None:
            station.reservations.cancel(reservation.reservation_id)

    def _let_go_of_failed(self, connector: Connector) -> None:
        """End the session of a connector whose start failed, or is gone: its controller may never stop it."""
        if connector.transaction is not None:
            handle = connector.transaction.handle
            start = self._exchange.get(START_TRANSACTIONS, handle)
            if start is None or start.get("state") == FAILED:
                self._station.sessions.ended(handle)

    def _stop(self, key: str, content: Document) -> None:
        self._station.sessions.ended(str(content.get("start")))
        document: StopDocument = documents.read(StopDocument, content)
        start = self._exchange.get(START_TRANSACTIONS, document.start)
        if start is None:
            raise Unusable(f"start: there is no document {document.start!r} in start_transactions")
        state = start.get("state")
        if state == RECEIVED:
            return  # it is taken first, in this turn or the next
        set_aside = _source(START_TRANSACTIONS, document.start) in self._station.outbox.sources()
        if state == FAILED and not set_aside:
            raise Unusable(f"start: the start {document.start!r} failed: {start.get('reason')}")
        transaction_id = start.get("transaction_id")
        request = StopTransactionRequest(
            transaction_id=transaction_id or 0,
            id_tag=document.id_tag,
            timestamp=document.timestamp,
            meter_stop=document.meter_stop,
        )
        self._queue(STOP_TRANSACTIONS, key, request, transaction=document.start, waits_for_id=transaction_id is None)

    def _check_connector(self, connector_id: int) -> Connector:
        if connector_id not in self._station.connectors:
            raise Unusable(f"connector_id: there are connectors 1 to {len(self._station.connectors)}")
        return self._station.connectors[connector_id]

    def _queue(self, collection: Collection, key: str, request: Any, **more: Any) -> None:
        self._station.outbox.put(request, source=_source(collection, key), **more)
        self._exchange.update(collection, key, state=QUEUED)

    def _fail(self, collection: Collection, key: str, reason: str) -> None:
        _log_failed(collection, key, reason)
        self._exchange.update(collection, key, state=FAILED, reason=reason)

    def _tell(self, collection: Collection, key: str, **changes: Any) -> None:
        """Write what became of a document that was taken, later where the store cannot do it now."""
        place = (collection.name, key, changes["state"])
        self._station.keeping.write(place, lambda: self._exchange.update(collection, key, **changes))


def _log_failed(collection: Collection, key: str, reason: str) -> None:
    _log.warning("document failed", collection=collection.name, key=key, reason=reason)


def _source(collection: Collection, key: str) -> str:
    return f"{collection.name}/{key}"


def _place(source: str) -> tuple[Collection, str]:
    name, _, key = source.partition("/")
    return BY_NAME[name], key
