"""One connector: the cable, the lock, the meter, the session, and the state that follows from them."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_soap.charge_point.meter import Meter
from ocpp_soap.charge_point.scheduler import Timer
from ocpp_soap.charge_point.transaction import Transaction
from ocpp_soap.messages import ChargePointErrorCode, ChargePointStatus

HARMLESS = frozenset({ChargePointErrorCode.NO_ERROR, ChargePointErrorCode.WEAK_SIGNAL})
"""Error codes with which charging goes on."""


@dataclass(slots=True)
class Authorised:
    """A tag that was let in: it waits for the cable until ConnectionTimeOut (notes 4), or for the answer to leave."""

    id_tag: str
    parent_id_tag: str | None
    timeout: Timer


@dataclass(slots=True, eq=False)
class Connector:
    """``operative`` is what ChangeAvailability set, ``scheduled_inoperative`` what it will set after the session.

    ``lock_works`` False makes UnlockConnector fail. ``reported`` is the state that was notified last.
    """

    connector_id: int
    meter: Meter
    plugged: bool = False
    locked: bool = False
    lock_works: bool = True
    error_code: ChargePointErrorCode = ChargePointErrorCode.NO_ERROR
    operative: bool = True
    scheduled_inoperative: bool = False
    waiting: Authorised | None = None
    transaction: Transaction | None = None
    sample_timer: Timer | None = None
    reported: tuple[ChargePointStatus, ChargePointErrorCode] | None = None

    @property
    def faulted(self) -> bool:
        """Out of use because of an error."""
        return self.error_code not in HARMLESS

    @property
    def in_session(self) -> bool:
        """A transaction runs or a tag was let in."""
        return self.transaction is not None or self.waiting is not None

    @property
    def occupied(self) -> bool:
        """From plug or tag until the cable is out (notes 7.20)."""
        return self.plugged or self.in_session

    def status(self, *, station_operative: bool, reserved: bool) -> ChargePointStatus:
        """The state of the connector in a station that is operative or not (15 §7.10)."""
        if self.faulted:
            return ChargePointStatus.FAULTED
        if not (self.operative and station_operative) and self.transaction is None:
            return ChargePointStatus.UNAVAILABLE
        if self.occupied:
            return ChargePointStatus.OCCUPIED
        return ChargePointStatus.RESERVED if reserved else ChargePointStatus.AVAILABLE


def station_status(statuses: list[ChargePointStatus]) -> ChargePointStatus:
    """The state of a whole station whose connectors have these states (15 §7.10, notes 7.20)."""
    present = set(statuses)
    if ChargePointStatus.AVAILABLE in present:
        return ChargePointStatus.AVAILABLE
    if len(present) == 1:
        return present.pop()
    for status in (ChargePointStatus.OCCUPIED, ChargePointStatus.RESERVED, ChargePointStatus.UNAVAILABLE):
        if status in present:
            return ChargePointStatus.OCCUPIED if status is ChargePointStatus.RESERVED else status
    return ChargePointStatus.FAULTED
