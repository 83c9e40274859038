"""Reservations of a station (15 §3.5, §5.11; notes 6, 7.18, 7.19)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ocpp_soap.charge_point.connector import Connector
from ocpp_soap.charge_point.scheduler import Timer
from ocpp_soap.messages import ChargePointStatus, ReservationStatus, ReserveNowRequest
from ocpp_soap.soap.codec.reading import INT32

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

_WORST_FIRST = (ChargePointStatus.OCCUPIED, ChargePointStatus.RESERVED, ChargePointStatus.FAULTED)
_ANSWERS = {
    ChargePointStatus.OCCUPIED: ReservationStatus.OCCUPIED,
    ChargePointStatus.RESERVED: ReservationStatus.OCCUPIED,
    ChargePointStatus.FAULTED: ReservationStatus.FAULTED,
    ChargePointStatus.UNAVAILABLE: ReservationStatus.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Reservation:
    """One connector, or with ``connector_id`` 0 any one, kept for a tag or its group until ``expiry_date``."""

    reservation_id: int
    connector_id: int
    id_tag: str
    parent_id_tag: str | None
    expiry_date: datetime

    def is_for(self, id_tag: str, parent_id_tag: str | None) -> bool:
        """Tell whether a tag of that group is let in."""
        if id_tag.casefold() == self.id_tag.casefold():
            return True
        return self.parent_id_tag is not None and self.parent_id_tag.casefold() == (parent_id_tag or "").casefold()


class Reservations:
    """The reservations of one station, by reservationId."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._by_id: dict[int, tuple[Reservation, Timer]] = {}

    def __iter__(self) -> Iterator[Reservation]:
        return iter([reservation for reservation, _ in self._by_id.values()])

    def reserve(self, request: ReserveNowRequest) -> ReservationStatus:
        """Reserve as asked. One with the same id is replaced if the new one can be taken, else it stays.

        What the StartTransaction that ends it could not name, an id of more than 32 bits or a long tag, is Rejected.
        """
        station = self._station
        known = request.connector_id == 0 or request.connector_id in station.connectors
        enabled = station.configuration.enabled("ReservationsEnabled")
        can_be_named = request.reservation_id in INT32 and station.authorization.can_name(request.id_tag)
        if not known or not enabled or not can_be_named or request.expiry_date <= station.now():
            return ReservationStatus.REJECTED
        replaced = self._by_id.pop(request.reservation_id, None)
        status = self._possible(request.connector_id)
        if status is not ReservationStatus.ACCEPTED:
            if replaced is not None:
                self._by_id[request.reservation_id] = replaced
            return status
        if replaced is not None:
            replaced[1].cancel()
        self.add(
            Reservation(
                request.reservation_id, request.connector_id, request.id_tag, request.parent_id_tag, request.expiry_date
            )
        )
        self._changed()
        return ReservationStatus.ACCEPTED

    def add(self, reservation: Reservation) -> None:
        """Hold a reservation until it expires."""
        timer = self._station.at(reservation.expiry_date, lambda: self._expired(reservation))
        self._by_id[reservation.reservation_id] = (reservation, timer)

    def rearm(self) -> None:
        """The clock was set: wait for each expiryDate anew."""
        for reservation, timer in list(self._by_id.values()):
            timer.cancel()
            self.add(reservation)

    def cancel(self, reservation_id: int) -> bool:
        """End a reservation; False: there is none of that id."""
        if reservation_id not in self._by_id:
            return False
        self._by_id.pop(reservation_id)[1].cancel()
        self._changed()
        return True

    def of(self, connector_id: int) -> Reservation | None:
        """The reservation of one connector."""
        return next((r for r, _ in self._by_id.values() if r.connector_id == connector_id), None)

    def for_tag(self, connector_id: int, id_tag: str, parent_id_tag: str | None) -> Reservation | None:
        """The reservation that a start of this tag on this connector would end."""
        candidates = [r for r, _ in self._by_id.values() if r.is_for(id_tag, parent_id_tag)]
        named = [r for r in candidates if r.connector_id == connector_id]
        return next(iter(named or [r for r in candidates if r.connector_id == 0]), None)

    def admits(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> bool:
        """Tell whether a tag may use a connector that is free or holds only its cable."""
        own = self.of(connector.connector_id)
        if own is not None:
            return own.is_for(id_tag, parent_id_tag)
        if self.for_tag(0, id_tag, parent_id_tag) is not None:
            return True
        return len(self._free(besides=connector)) >= self._anywhere()

    def needs_parent(self, connector: Connector) -> bool:
        """Tell whether the group of an unknown tag decides on its use of a connector."""
        return any(
            r.parent_id_tag is not None
            for r, _ in self._by_id.values()
            if r.connector_id in (0, connector.connector_id)
        )

    def end_unusable(self) -> None:
        """End the reservations of what became Faulted or Unavailable (15 §5.11)."""
        station = self._station
        for reservation, timer in list(self._by_id.values()):
            ids = [reservation.connector_id] if reservation.connector_id else list(station.connectors)
            if all(station.status_of(i) in (ChargePointStatus.FAULTED, ChargePointStatus.UNAVAILABLE) for i in ids):
                timer.cancel()
                del self._by_id[reservation.reservation_id]
                station.save_state()

    def _possible(self, connector_id: int) -> ReservationStatus:
        station = self._station
        if connector_id == 0:
            if len(self._free()) > self._anywhere():
                return ReservationStatus.ACCEPTED
            statuses = [station.status_of(i) for i in station.connectors]
            if ChargePointStatus.AVAILABLE in statuses:
                return ReservationStatus.OCCUPIED
            return _ANSWERS[next((s for s in _WORST_FIRST if s in statuses), ChargePointStatus.UNAVAILABLE)]
        status = station.status_of(connector_id)
        if status is not ChargePointStatus.AVAILABLE:
            return _ANSWERS[status]
        enough_left = len(self._free(besides=station.connectors[connector_id])) >= self._anywhere()
        return ReservationStatus.ACCEPTED if enough_left else ReservationStatus.OCCUPIED

    def _free(self, besides: Connector | None = None) -> list[Connector]:
        """The connectors that are free and set aside for nobody."""
        station = self._station
        free = [c for c in station.connectors.values() if station.status_of(c.connector_id) == "Available"]
        return [c for c in free if c is not besides]

    def _anywhere(self) -> int:
        return sum(r.connector_id == 0 for r, _ in self._by_id.values())

    def _expired(self, reservation: Reservation) -> None:
        entry = self._by_id.get(reservation.reservation_id)
        if entry is not None and entry[0] is reservation:
            del self._by_id[reservation.reservation_id]
            self._station.note(f"reservation {reservation.reservation_id} expired")
            self._changed()

    def _changed(self) -> None:
        self._station.save_state()
        self._station.report_changes()
