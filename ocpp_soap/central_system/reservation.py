"""What is stored of a reservation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ocpp_soap.messages import Choice


class ReservationState(Choice):
    """``pending``: asked, not answered yet; ``refused``: the station answered no; ``failed``: it did not answer."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"
    USED = "used"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One reservation; connector 0 is any. ``status`` is what the station answered, ``transaction_id`` what used it."""

    reservation_id: int
    charge_box_identity: str
    connector_id: int
    id_tag: str
    expiry_date: datetime
    created_at: datetime
    created_by: str = ""
    parent_id_tag: str | None = None
    state: str = ReservationState.PENDING.value
    is_open: bool = True
    status: str | None = None
    reason: str = ""
    transaction_id: int | None = None
    closed_at: datetime | None = None
