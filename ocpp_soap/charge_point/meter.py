"""What is measured on a connector: a meter, the charging curve of a simulated vehicle, and the values of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ocpp_soap.messages import Location, Measurand, ReadingContext, SampledValue, UnitOfMeasure, Version

VOLTAGE = 230.0
PHASES = 3
REACTIVE_SHARE = 0.1
ROOM_TEMPERATURE = 25.0


class Meter(Protocol):
    """The meter of one connector. ``close`` and ``open`` follow the contactor, which a real meter may ignore."""

    def energy(self, now: datetime) -> float:
        """The register of active energy imported, in Wh; it only grows."""

    def power(self, now: datetime) -> float:
        """The active power at this moment, in W."""

    def close(self, now: datetime, *, new_vehicle: bool) -> None:
        """The contactor closed: energy flows, for another vehicle or for the one that was interrupted."""

    def open(self, now: datetime) -> None:
        """The contactor opened: no energy flows."""


@dataclass(frozen=True, slots=True)
class ChargingCurve:
    """A vehicle that takes ``power`` W until ``taper_from`` of its ``capacity`` Wh, then less and less."""

    power_w: float = 11_000.0
    capacity: float = 20_000.0
    taper_from: float = 0.8

    def energy(self, seconds: float) -> float:
        """Wh taken in the first ``seconds`` of charging."""
        constant = self.capacity * self.taper_from
        if seconds <= self._constant_seconds:
            return self.power_w * seconds / 3600
        return constant + (self.capacity - constant) * (1 - self._decay(seconds))

    def power(self, seconds: float) -> float:
        """W taken after ``seconds`` of charging."""
        return self.power_w if seconds <= self._constant_seconds else self.power_w * self._decay(seconds)

    @property
    def _constant_seconds(self) -> float:
        return self.capacity * self.taper_from / self.power_w * 3600

    def _decay(self, seconds: float) -> float:
        time_constant = self.capacity * (1 - self.taper_from) / self.power_w * 3600
        return math.exp(-(seconds - self._constant_seconds) / time_constant) if time_constant else 0.0


class SimulatedMeter:
    """A meter whose register follows a charging curve while the contactor is closed."""

    __slots__ = ("_before", "_charged", "_closed_at", "curve")

    def __init__(self, register: float = 0.0, curve: ChargingCurve | None = None) -> None:
        self._before = register
        self.curve = curve or ChargingCurve()
        self._charged = 0.0
        self._closed_at: datetime | None = None

    def energy(self, now: datetime) -> float:
        """The register in Wh."""
        return self._before + self.curve.energy(self._seconds(now))

    def power(self, now: datetime) -> float:
        """The power in W."""
        return self.curve.power(self._seconds(now)) if self._closed_at else 0.0

    def close(self, now: datetime, *, new_vehicle: bool) -> None:
        """Begin or resume charging."""
        if new_vehicle:
            self._before, self._charged = self.energy(now), 0.0
        self._closed_at = now

    def open(self, now: datetime) -> None:
        """Stop or interrupt charging."""
        self._charged, self._closed_at = self._seconds(now), None

    def clock_moved(self, by: timedelta) -> None:
        """The clock was set: no energy flowed in the time that it was moved by."""
        if self._closed_at is not None:
            self._closed_at += by

    def _seconds(self, now: datetime) -> float:
        running = (now - self._closed_at).total_seconds() if self._closed_at else 0.0
        return self._charged + max(running, 0.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the values of one instant are made of: the register in Wh, what the interval added, the power in W."""

    energy: float
    added: float
    power: float

    def value(self, measurand: Measurand, context: ReadingContext, version: Version) -> SampledValue:
        """One value with all its properties; in 1.2, which has none, the register as a whole number of Wh."""
        if version is Version.V12:
            return SampledValue(value=str(int(self.energy)))
        number, unit = self._quantity(measurand)
        location = Location.BODY if measurand is Measurand.TEMPERATURE else Location.OUTLET
        return SampledValue(value=number, context=context, measurand=measurand, location=location, unit=unit)

    def _quantity(self, measurand: Measurand) -> tuple[str, UnitOfMeasure]:
        if measurand is Measurand.VOLTAGE:
            return f"{VOLTAGE:.1f}", UnitOfMeasure.VOLT
        if measurand is Measurand.TEMPERATURE:
            return f"{ROOM_TEMPERATURE + self.power / 1000:.1f}", UnitOfMeasure.CELSIUS
        kind, _, rest = str(measurand).partition(".")
        share = (0.0 if "Export" in rest else 1.0) * (REACTIVE_SHARE if "Reactive" in rest else 1.0)
        if kind == "Current":
            return f"{self.power * share / (VOLTAGE * PHASES):.1f}", UnitOfMeasure.AMP
        reactive = "Reactive" in rest
        if kind == "Power":
            return f"{self.power * share:.0f}", UnitOfMeasure.VAR if reactive else UnitOfMeasure.W
        amount = self.added if rest.endswith("Interval") else self.energy
        return str(int(amount * share)), UnitOfMeasure.VARH if reactive else UnitOfMeasure.WH
