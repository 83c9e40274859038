"""Hardware that exists only here, for development: a driver who comes, charges and leaves, again and again."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt

from ocpp_soap.charge_point.chargebox.bridges.controller import Outputs, Readings
from ocpp_soap.charge_point.meter import SimulatedMeter


class MockOptions(BaseModel):
    """The driver: his tag, how many seconds he charges and stays away, and how often he comes (0: for ever)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id_tag: str = "TAG1"
    charge_seconds: NonNegativeFloat = 30
    pause_seconds: NonNegativeFloat = 10
    sessions: NonNegativeInt = 0


class MockHardware:
    """Connector 1 is used by the driver, who shows his tag every other second until he is let in; others stay free."""

    def __init__(self, options: MockOptions) -> None:
        self._options = options
        self._meter = SimulatedMeter()
        self._charging = False
        self._arrives = time.monotonic() + options.pause_seconds
        self._came = 0
        self._plugged_at: float | None = None
        self._charging_since: float | None = None
        self._tag_withdrawn = False

    def answers(self) -> bool:
        """It always does."""
        return True

    def read(self, connector_id: int) -> Readings:
        """The readings of the moment."""
        if connector_id != 1:
            return Readings()
        self._drive()
        now = datetime.now(timezone.utc)
        return Readings(
            plugged=self._plugged_at is not None,
            charging=self._charging,
            energy=self._meter.energy(now),
            power=self._meter.power(now),
            id_tag=self._options.id_tag if self._shows_tag() else "",
        )

    def write(self, connector_id: int, outputs: Outputs) -> None:
        """Close or open the contactor."""
        if connector_id == 1 and outputs.enabled != self._charging:
            self._charging = outputs.enabled
            now = datetime.now(timezone.utc)
            if outputs.enabled:
                self._charging_since = time.monotonic()
                self._tag_withdrawn = False
                self._meter.close(now, new_vehicle=True)
            else:
                self._meter.open(now)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _drive(self) -> None:
        now = time.monotonic()
        more = not self._options.sessions or self._came < self._options.sessions
        if self._plugged_at is None and more and now >= self._arrives:
            self._plugged_at, self._charging_since = now, None
            self._came += 1
        elif self._plugged_at is not None and self._charging_since is not None and not self._charging:
            self._plugged_at, self._arrives = None, now + self._options.pause_seconds

    def _shows_tag(self) -> bool:
        if self._plugged_at is None:
            return False
        if self._charging_since is None:
            return int(time.monotonic() - self._plugged_at) % 2 == 0
        charged_long_enough = time.monotonic() - self._charging_since >= self._options.charge_seconds
        shows = self._charging and self._tag_withdrawn and charged_long_enough
        self._tag_withdrawn = True
        return shows
