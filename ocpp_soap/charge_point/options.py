"""What a station is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ocpp_soap.charge_point.meter import Meter, SimulatedMeter
from ocpp_soap.charge_point.queueing import Backoff
from ocpp_soap.charge_point.transfer import Transfers


@dataclass(frozen=True)
class StationOptions:
    """What a station is. ``configuration`` holds first values of keys; ``boot_seconds`` is how long a restart takes.

    ``constant_heartbeat``: a heartbeat at each interval, whatever else was sent (the specification allows to skip it).
    """

    vendor: str = "ocpp-soap"
    model: str = "Station"
    serial_number: str | None = None
    firmware_version: str = "1.0.0"
    connectors: int = 2
    configuration: dict[str, str] = field(default_factory=dict)
    boot_seconds: float = 1.0
    constant_heartbeat: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    transfers: Transfers = field(default_factory=Transfers)
    meter: Callable[[int], Meter] = lambda _connector_id: SimulatedMeter()
