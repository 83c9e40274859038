"""What a handler of the charge point gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ocpp_soap.charge_point.station import Station
from ocpp_soap.dispatch import Call, Handler


@dataclass(slots=True, kw_only=True)
class ChargePointCall(Call):
    """A request to one ``station``, whose lock is held; ``vendors`` are the handlers of DataTransfer by vendorId."""

    station: Station
    vendors: Mapping[str, Handler] = field(default_factory=dict)
