"""One charging session as the station knows it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.messages import MeterValue


@dataclass(slots=True, eq=False)
class Transaction:
    """``handle`` is the station's own name of it; ``transaction_id`` comes with the answer to its Start.

    ``meter_start`` is in Wh. ``data`` collects what StopTransaction shall carry. ``sampled`` and ``aligned`` are the
    instant and the register (Wh) where the running interval of either kind of meter values began.
    """

    connector_id: int
    id_tag: str
    started: datetime
    meter_start: int
    parent_id_tag: str | None = None
    reservation_id: int | None = None
    transaction_id: int | None = None
    handle: str = field(default_factory=lambda: uuid.uuid4().hex)
    data: list[MeterValue] = field(default_factory=list)
    sampled: tuple[datetime, float] = field(init=False)
    aligned: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        self.sampled = self.aligned = (self.started, float(self.meter_start))
