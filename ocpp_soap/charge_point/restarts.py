"""Restarts of a station: what is queued is delivered first (15 §5.12, notes 7.24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

RESTART_PATIENCE = 10.0
"""Seconds that a restart waits for the delivery of what is queued, such as the StopTransactions of a reset."""


class Restarts:
    """Lets a station boot again. ``pending``: it is about to, and begins nothing new."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.pending = False
        self._begun = False

    def promise(self) -> None:
        """A restart was promised, and will begin."""
        self.pending = True

    def begin(self) -> None:
        """Boot again as soon as the queue is delivered, or could not be for a while."""
        self.pending = True
        if not self._begun:
            self._begun = True
            self._when_delivered(self._station.schedule.now() + timedelta(seconds=RESTART_PATIENCE))

    def _when_delivered(self, patience_ends: datetime) -> None:
        station, outbox = self._station, self._station.outbox
        if (station.has_transaction or (outbox.waiting and outbox.online)) and station.schedule.now() < patience_ends:
            station.after(0.1, lambda: self._when_delivered(patience_ends))
            return
        station.note("restarting")
        outbox.shut()
        station.registration.stop()
        for connector in station.connectors.values():
            station.sessions.give_up_waiting(connector)
        station.after(station.options.boot_seconds, self._boot)

    def _boot(self) -> None:
        self._station.registration.boot()
        self.pending = self._begun = False
