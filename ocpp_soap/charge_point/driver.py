"""What a simulated driver does with one station: charge by plan, and plug in for remote starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocpp_soap.charge_point.station import Station
from ocpp_soap.charge_point.transaction import Transaction

REACTION = 0.5
"""Seconds until a driver plugs in or out after a remote start or stop."""

_CHARGING = ("Accepted", "ConcurrentTx")


@dataclass(frozen=True)
class ChargingPlan:
    """One session on connector 1, in seconds from the driver's arrival.

    It begins when the station is accepted, or at ``patience`` if it is not, and ends at ``end`` (None: when told).
    """

    id_tag: str
    patience: float
    end: float | None


class Driver:
    """Drives one station; ``outcome`` is empty until the session was delivered (``delivered``) or cannot be."""

    def __init__(self, station: Station, plan: ChargingPlan | None) -> None:
        self.station = station
        self.plan = plan
        self.outcome = ""
        self._handle = ""
        self._begun = False

    @property
    def started(self) -> bool:
        """A transaction of the plan began."""
        return self._handle != ""

    def arrive(self) -> None:
        """Switch the station on and begin the plan."""
        self.station.start()
        if self.plan is not None:
            self.station.after(self.plan.patience, self._begin)
            if self.plan.end is not None:
                self.station.after(self.plan.end, self.leave)

    def leave(self) -> None:
        """End the session by the tag, and take the cable out."""
        with self.station.lock:
            connector = self.station.connectors[1]
            if self.plan is not None and connector.transaction is not None:
                self.station.present_tag(1, self.plan.id_tag)
                self.station.after(REACTION, lambda: self._unplug(1))

    def observe(self, name: str, subject: Any) -> None:
        """React to an event of the station. Called with its lock held."""
        if name == "accepted":
            self.station.after(0, self._begin)
        elif name == "let_in" and not self.station.connectors[subject].plugged:
            self.station.after(REACTION, lambda: self.station.plug(subject))
        elif name == "started" and self.plan is not None and not self._handle and subject.connector_id == 1:
            self._handle = subject.handle
        elif name == "stopped":
            self._stopped(subject)
        elif name == "refused" and self.plan is not None and not self._handle:
            self.outcome = f"the tag {subject[1]} was refused: {subject[2]}"
        elif name == "start_answered" and subject[0].handle == self._handle and subject[1] not in _CHARGING:
            self.outcome = f"the start was answered {subject[1]}"
        elif name == "session_delivered" and subject == self._handle:
            self.outcome = self.outcome or "delivered"
        elif name == "session_lost" and subject == self._handle:
            self.outcome = self.outcome or "the central system answered its start or stop with a fault"

    def _begin(self) -> None:
        if self.plan is not None and not self._begun:
            self._begun = True
            self.station.plug(1)
            self.station.present_tag(1, self.plan.id_tag)

    def _stopped(self, transaction: Transaction) -> None:
        connector = self.station.connectors[transaction.connector_id]
        self.station.after(REACTION, lambda: self._unplug(connector.connector_id))

    def _unplug(self, connector_id: int) -> None:
        connector = self.station.connectors[connector_id]
        if connector.plugged and connector.transaction is None:
            self.station.unplug(connector_id)
