"""All that is known of one station, gathered for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ocpp_soap.central_system.meter_values import MeterRecord
from ocpp_soap.central_system.notifications import Notification, Subject
from ocpp_soap.central_system.stations import Station
from ocpp_soap.central_system.statuses import ConnectorStatus
from ocpp_soap.central_system.transactions import Transaction, TransactionState

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

RECENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StationOverview:
    """A station with the current status of its connectors, its open transactions and the latest of everything else.

    ``meter_values`` are the last messages of that kind, the newest first. What was odd in its messages is in
    ``station.oddities``. ``clock_skew`` is by how many seconds the station's clock seems to be ahead of ours, behind if
    negative, from the times in these messages; None: it sent none.
    """

    station: Station
    connectors: list[ConnectorStatus]
    open_transactions: list[Transaction]
    meter_values: list[MeterRecord]
    firmware: Notification | None
    diagnostics: Notification | None

    @property
    def clock_skew(self) -> float | None:
        """The largest of the differences between a time and its receipt: delay makes them smaller, never larger."""
        skews = [(sent - received).total_seconds() for sent, received in self._times()]
        return round(max(skews), 1) if skews else None

    def _times(self) -> Iterator[tuple[datetime, datetime]]:
        for status in self.connectors:
            if status.timestamp != status.received_at:
                yield status.timestamp, status.received_at
        for record in self.meter_values:
            if record.samples:
                yield max(sample["timestamp"] for sample in record.samples), record.received_at
        for transaction in self.open_transactions:
            if transaction.start_time is not None and transaction.start_received_at is not None:
                yield transaction.start_time, transaction.start_received_at


def overview(central_system: CentralSystem, charge_box_identity: str) -> StationOverview | None:
    """The overview of the station of that exact identity; None: it is not known."""
    station = central_system.stations.show(charge_box_identity)
    if station is None:
        return None
    return StationOverview(
        station=station,
        connectors=central_system.statuses.current(charge_box_identity),
        open_transactions=central_system.transactions.list(
            charge_box_identity=charge_box_identity, state=TransactionState.OPEN.value, descending=True
        ).items,
        meter_values=central_system.meter_values.list(
            charge_box_identity=charge_box_identity, descending=True, limit=RECENT
        ).items,
        firmware=central_system.notifications.latest(charge_box_identity, Subject.FIRMWARE),
        diagnostics=central_system.notifications.latest(charge_box_identity, Subject.DIAGNOSTICS),
    )
