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
    """Drives one station, plugging in and out for remote sessions if it ``reacts``.

    ``problem`` says why the plan could not be carried out, ``sessions`` counts those that began.
    """

    def __init__(self, station: Station, plan: ChargingPlan | None, *, reacts: bool = True) -> None:
        self.station = station
        self.plan = plan
        self._reacts = reacts
        self.problem = ""
        self.sessions = self.delivered = 0
        self._handle = ""
        self._open: set[str] = set()
        self._begun = self._left = False

    @property
    def done(self) -> bool:
        """Every session was delivered, and the planned one, if there is a plan, took place."""
        return not self.problem and not self._open and (self.plan is None or self._handle != "")

    def arrive(self) -> None:
        """Switch the station on and begin the plan, unless it is too late."""
        if self._left:
            return
        self.station.start()
        if self.plan is not None:
            self.station.after(self.plan.patience, self._begin)
            if self.plan.end is not None:
                self.station.after(self.plan.end, self._end_sessions)

    def leave(self) -> None:
        """End the sessions, and those that begin later at once: nobody would be there to end them."""
        self._left = True
        self._end_sessions()

    def observe(self, name: str, subject: Any) -> None:
        """React to an event of the station. Called with its lock held."""
        if name == "accepted":
            self.station.after(0, self._begin)
        elif name == "let_in" and self._reacts and not self.station.connectors[subject].plugged:
            self.station.after(REACTION, lambda: self.station.plug(subject))
        elif name == "started":
            self.sessions += 1
            self._open.add(subject.handle)
            if self.plan is not None and not self._handle and subject.connector_id == 1:
                self._handle = subject.handle
            if self._left:
                self.station.after(0, self._end_sessions)
        elif name == "stopped" and self._reacts:
            self._stopped(subject)
        elif name == "refused" and self.plan is not None and not self._handle:
            self.problem = f"the tag {subject[1]} was refused: {subject[2]}"
        elif name == "start_answered" and subject[0].handle == self._handle and subject[1] not in _CHARGING:
            self.problem = f"the start was answered {subject[1]}"
        elif name == "session_delivered":
            self.delivered += 1
            self._open.discard(subject)
        elif name == "session_lost":
            self.problem = self.problem or "its start or stop was given up; the log says why"

    def _end_sessions(self) -> None:
        """End the sessions, the planned one by its tag, and take the cables out."""
        with self.station.lock:
            for connector in self.station.connectors.values():
                transaction = connector.transaction
                if transaction is not None and transaction.handle == self._handle:
                    self.station.present_tag(connector.connector_id, transaction.id_tag)
                else:
                    self.station.stop_transaction(connector.connector_id)

    def _begin(self) -> None:
        if self.plan is not None and not self._begun and not self._left:
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
