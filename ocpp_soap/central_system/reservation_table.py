"""The table of reservations: finding them, and closing each once, with its event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import RESERVATIONS
from ocpp_soap.central_system.records import Listing, document_of, record_of, revise, select
from ocpp_soap.central_system.reservation import Reservation, ReservationState
from ocpp_soap.central_system.reserved_connectors import ReservedConnectors
from ocpp_soap.storage.base import Document, Storage


class ReservationTable:
    """All reservations, closed ones included."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store = store
        self._events = events
        self._connectors = ReservedConnectors(store, self._is_open)

    def get(self, reservation_id: int) -> Reservation | None:
        """The reservation of that id, or None."""
        stored = self._store.get(RESERVATIONS, key_of(reservation_id))
        return None if stored is None else record_of(Reservation, stored.document)

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        state: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[Reservation]:
        """The reservations of a station and in a state, in the order in which they were asked for."""
        where: Document = {}
        if charge_box_identity is not None:
            where["charge_box_identity"] = charge_box_identity
        elif state is not None:
            where["state"] = state
        return select(
            self._store,
            RESERVATIONS,
            where,
            lambda document: record_of(Reservation, document),
            keep=lambda reservation: state is None or reservation.state == state,
            order="created_at",
            descending=descending,
            limit=limit,
            after=after,
        )

    def close(self, reservation: Reservation, state: ReservationState, reason: str, **values: Any) -> Reservation:
        """Close a reservation, unless it is closed, and let its connector go; the reservation as it is then."""
        now = datetime.now(timezone.utc)

        def closed(found: Reservation) -> Reservation | None:
            if not found.is_open:
                return None
            return replace(found, state=state.value, is_open=False, reason=reason, closed_at=now, **values)

        after = self.change(reservation, closed)
        self._connectors.free(reservation.charge_box_identity, reservation.connector_id, reservation.reservation_id)
        return after

    def change(self, reservation: Reservation, change: Callable[[Reservation], Reservation | None]) -> Reservation:
        """Change a reservation so that no other's write is lost, and tell of what became of it; as it is then."""

        def changed(document: Document) -> Document | None:
            after = change(record_of(Reservation, document))
            return None if after is None else document_of(after)

        stored = revise(self._store, RESERVATIONS, key_of(reservation.reservation_id), changed, durable=True)
        after = reservation if stored is None else record_of(Reservation, stored.document)
        if after.state != ReservationState.PENDING:
            self._tell(after)
        return after

    def _is_open(self, reservation_id: int) -> bool:
        found = self.get(reservation_id)
        return found is not None and found.is_open

    def _tell(self, reservation: Reservation) -> None:
        self._events.add(
            f"reservation.{reservation.state}",
            reservation.charge_box_identity,
            key=f"reservation:{reservation.reservation_id}:{reservation.state}",
            reservation_id=reservation.reservation_id,
            connector_id=reservation.connector_id,
            id_tag=reservation.id_tag,
            expiry_date=reservation.expiry_date,
            transaction_id=reservation.transaction_id,
            reason=reservation.reason or None,
        )


def key_of(reservation_id: int) -> str:
    """The storage key of a reservation."""
    return f"{reservation_id:010d}"
