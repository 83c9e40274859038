"""ChangeAvailability: taking connectors or the station out of use, now or after the session (15 §5.2, notes 7.22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_soap.messages import AvailabilityStatus, AvailabilityType

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station


class Availability:
    """What was set on purpose: for the station here, for each connector in the connector."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.operative = True
        self.scheduled_inoperative = False

    @property
    def idle_connectors_operative(self) -> bool:
        """Whether the station lets idle connectors be used; a scheduled change holds for them at once."""
        return self.operative and not self.scheduled_inoperative

    def change(self, connector_id: int, wanted: AvailabilityType) -> AvailabilityStatus:
        """Set the availability of a connector, or with 0 of the station, as soon as no transaction forbids it."""
        station = self._station
        if connector_id != 0 and connector_id not in station.connectors:
            return AvailabilityStatus.REJECTED
        target = self if connector_id == 0 else station.connectors[connector_id]
        concerned = station.connectors.values() if connector_id == 0 else [station.connectors[connector_id]]
        target.scheduled_inoperative = False
        status = AvailabilityStatus.ACCEPTED
        if wanted is AvailabilityType.OPERATIVE:
            target.operative = True
        elif target.operative and any(connector.transaction for connector in concerned):
            target.scheduled_inoperative = True
            status = AvailabilityStatus.SCHEDULED
        else:
            target.operative = False
        self._apply()
        return status

    def transaction_ended(self) -> None:
        """Execute what was scheduled for the end of a transaction."""
        connectors = self._station.connectors.values()
        for connector in connectors:
            if connector.scheduled_inoperative and connector.transaction is None:
                connector.operative, connector.scheduled_inoperative = False, False
        if self.scheduled_inoperative and not self._station.has_transaction:
            self.operative, self.scheduled_inoperative = False, False
        self._apply()

    def _apply(self) -> None:
        station = self._station
        for connector in station.connectors.values():
            usable = connector.operative and self.idle_connectors_operative
            if not usable and connector.waiting is not None and connector.transaction is None:
                station.sessions.give_up_waiting(connector)
        station.reservations.end_unusable()
        station.save_state()
        station.report_changes()
