"""Reservations: asked of a station, and from accepted to used, cancelled or expired (15 §3.5, §5.1, §5.11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from ocpp_soap.central_system.command_queue.queue import CommandQueue
from ocpp_soap.central_system.commands import CallStation
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import RESERVATION_ID, RESERVATIONS
from ocpp_soap.central_system.records import document_of, fold, record_of
from ocpp_soap.central_system.reservation import Reservation, ReservationState
from ocpp_soap.central_system.reservation_table import ReservationTable, key_of
from ocpp_soap.central_system.reserved_connectors import ANY_CONNECTOR
from ocpp_soap.central_system.tags import Tags
from ocpp_soap.central_system.transactions import Transaction
from ocpp_soap.errors import CallFailed, ConnectionLost, NoAddress, OcppSoapError, Unreachable
from ocpp_soap.messages import (
    CancelReservationRequest,
    ChargePointStatus,
    ReservationStatus,
    ReserveNowRequest,
    StatusNotificationRequest,
)
from ocpp_soap.storage.base import Document, Range, Storage

PAGE = 500

SPARE = 15.0
"""Seconds beyond the time-out of its call after which a reservation whose answer is not stored has lost its asker."""


class Reservations(ReservationTable):
    """The reservations of all stations. ``timeout_of`` tells how many seconds a call to a station may take."""

    def __init__(
        self,
        store: Storage,
        tags: Tags,
        events: Events,
        queue: CommandQueue,
        call: CallStation,
        *,
        timeout_of: Callable[[str], float],
    ) -> None:
        super().__init__(store, events)
        self._tags = tags
        self._queue = queue
        self._call = call
        self._timeout_of = timeout_of

    def reserve(
        self, charge_box_identity: str, connector_id: int, id_tag: str, expiry_date: datetime, *, by: str = ""
    ) -> Reservation:
        """Ask a station to reserve a connector (0: any) for a tag until ``expiry_date``.

        The reservation is accepted or refused as the station answered. Raises ValueError if the connector is reserved
        already or the time is over, and what the call raises: then the reservation is failed, and if the station may
        have got it, it is told later that it is cancelled.
        """
        now = datetime.now(timezone.utc)
        if expiry_date <= now:
            raise ValueError(f"a reservation until {expiry_date.isoformat()} is over already")
        tag = self._tags.get(id_tag)
        reservation = Reservation(
            reservation_id=self._store.increment(RESERVATION_ID),
            charge_box_identity=charge_box_identity,
            connector_id=connector_id,
            id_tag=id_tag,
            expiry_date=expiry_date,
            created_at=now,
            created_by=by,
            parent_id_tag=tag.parent_id_tag if tag else None,
        )
        key = key_of(reservation.reservation_id)
        self._store.create(RESERVATIONS, key, document_of(reservation), durable=True)
        try:
            self._connectors.take(charge_box_identity, connector_id, reservation.reservation_id, expiry_date)
        except ValueError:
            self._store.delete(RESERVATIONS, key)
            raise
        return self._ask(reservation)

    def cancel(self, reservation_id: int, *, by: str = "") -> Reservation | None:
        """Cancel a reservation at the station; None: there is none of that id. A closed one stays as it is.

        Raises what the call raises; the reservation then stays open.
        """
        found = self.get(reservation_id)
        if found is None or not found.is_open:
            return found
        request = CancelReservationRequest(reservation_id=reservation_id)
        status = str(self._call(found.charge_box_identity, request).status)
        return self.close(found, ReservationState.CANCELLED, f"by {by or 'somebody'}; the station answered {status}")

    def started(self, transaction: Transaction) -> None:
        """A transaction has begun: the reservation that it names, or that it is for, is used.

        A start is not for a reservation that the station has not accepted yet, nor, if it is repeated, for one that was
        made after it first came. One that names none of this station, such as 0, counts as one that names none.
        """
        found = None if transaction.reservation_id is None else self.get(transaction.reservation_id)
        if found is None or found.charge_box_identity != transaction.charge_box_identity:
            found = self._meant_by(transaction)
        if found is not None and found.is_open:
            self.close(found, ReservationState.USED, "", transaction_id=transaction.transaction_id)

    def reported(self, charge_box_identity: str, notification: StatusNotificationRequest) -> None:
        """A connector, or the station as connector 0, that is out of use ends its reservation (15 §3.5)."""
        status = str(notification.status)
        if status not in (ChargePointStatus.FAULTED, ChargePointStatus.UNAVAILABLE):
            return
        if notification.connector_id == ANY_CONNECTOR:
            found = [r for r in self.list(charge_box_identity=charge_box_identity, descending=True).items if r.is_open]
        else:
            number = self._connectors.reserved_by(charge_box_identity, notification.connector_id)
            reservation = None if number is None else self.get(number)
            found = [] if reservation is None else [reservation]
        for reservation in found:
            self.close(reservation, ReservationState.CANCELLED, f"the station reported {status}")

    def expire(self, mark: Document) -> Document:
        """Close the reservations whose time is over."""
        now = datetime.now(timezone.utc)
        while True:
            where = {"is_open": True, "expiry_date": Range(None, now)}
            page = self._store.find(RESERVATIONS, where, limit=PAGE)
            for item in page.items:
                self.close(record_of(Reservation, item.document), ReservationState.EXPIRED, "")
            if len(page.items) < PAGE:
                return mark

    def give_up(self, mark: Document) -> Document:
        """Fail the reservations whose process died while it asked the station, and have the station told."""
        now = datetime.now(timezone.utc)
        where = {"state": ReservationState.PENDING.value, "created_at": Range(None, now - timedelta(seconds=SPARE))}
        for item in self._store.find(RESERVATIONS, where, limit=PAGE).items:
            found = record_of(Reservation, item.document)
            if now - found.created_at > timedelta(seconds=self._timeout_of(found.charge_box_identity) + SPARE):
                closed = self.close(found, ReservationState.FAILED, "the process that asked the station has ended")
                if closed.state == ReservationState.FAILED:
                    self._withdraw_later(found)
        return mark

    def _ask(self, reservation: Reservation) -> Reservation:
        request = ReserveNowRequest(
            connector_id=reservation.connector_id,
            expiry_date=reservation.expiry_date,
            id_tag=reservation.id_tag,
            parent_id_tag=reservation.parent_id_tag,
            reservation_id=reservation.reservation_id,
        )
        try:
            status = str(self._call(reservation.charge_box_identity, request).status)
        except OcppSoapError as error:
            self.close(reservation, ReservationState.FAILED, str(error))
            if _may_have_arrived(error):
                self._withdraw_later(reservation)
            raise
        if status != ReservationStatus.ACCEPTED:
            reason = f"the station answered {status}"
            return self.close(reservation, ReservationState.REFUSED, reason, status=status)
        accepted = replace(reservation, state=ReservationState.ACCEPTED.value, status=status)
        after = self.change(reservation, lambda found: accepted if found.is_open else None)
        if after.state in (ReservationState.CANCELLED, ReservationState.FAILED):
            self._withdraw_later(reservation)
        return after

    def _withdraw_later(self, reservation: Reservation) -> None:
        self._queue.create(
            "CancelReservation",
            {"reservation_id": reservation.reservation_id},
            [reservation.charge_box_identity],
            deadline=reservation.expiry_date,
            by="reservations",
        )

    def _meant_by(self, transaction: Transaction) -> Reservation | None:
        """The reservation of the connector, if it is for the tag."""
        if transaction.connector_id is None:
            return None
        number = self._connectors.reserved_by(transaction.charge_box_identity, transaction.connector_id)
        found = None if number is None else self.get(number)
        return found if found is not None and self._is_for(found, transaction) else None

    def _is_for(self, reservation: Reservation, transaction: Transaction) -> bool:
        came_at, made_at = transaction.start_received_at, reservation.created_at
        if made_at > datetime.now(timezone.utc):  # by a clock that was ahead
            came_at = None
        if reservation.state != ReservationState.ACCEPTED or (came_at and came_at < made_at):
            return False
        tag = transaction.id_tag or ""
        if fold(tag) == fold(reservation.id_tag):
            return True
        known = self._tags.get(tag)
        parent = known.parent_id_tag if known else None
        return bool(parent and reservation.parent_id_tag and fold(parent) == fold(reservation.parent_id_tag))


def _may_have_arrived(error: OcppSoapError) -> bool:
    """Whether the station may have acted on a call that ended so."""
    if isinstance(error, Unreachable):
        return isinstance(error, ConnectionLost)
    return isinstance(error, CallFailed) and not isinstance(error, NoAddress)
