"""The states of the connectors and of the station: faults, and what is reported of them (15 §4.9, §7.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_soap.charge_point.connector import Connector, station_status
from ocpp_soap.charge_point.status import status_notification
from ocpp_soap.messages import ChargePointErrorCode, ChargePointStatus, ReadingContext

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

_WHOLE_STATION = 0


class States:
    """What one station says of itself."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._fault = ChargePointErrorCode.NO_ERROR
        self._reported: tuple[ChargePointStatus, ChargePointErrorCode] | None = None

    def fault(self, connector_id: int, error_code: ChargePointErrorCode) -> None:
        """Set the error of a connector, or of the station as 0; NoError ends it."""
        station = self._station
        if connector_id == _WHOLE_STATION:
            self._fault = error_code
        for connector in station.connectors.values():
            if connector_id in (_WHOLE_STATION, connector.connector_id):
                was_faulted, connector.error_code = connector.faulted, error_code
                if connector.faulted:
                    station.sessions.give_up_waiting(connector)
                self._interrupt(connector, was_faulted=was_faulted)
        station.reservations.end_unusable()
        station.report_changes()

    def status_of(self, connector_id: int) -> ChargePointStatus:
        """The state of a connector, or of the station as 0."""
        station = self._station
        if connector_id == _WHOLE_STATION:
            if self._fault is not ChargePointErrorCode.NO_ERROR and all(
                connector.faulted for connector in station.connectors.values()
            ):
                return ChargePointStatus.FAULTED
            if not station.availability.operative:
                return ChargePointStatus.UNAVAILABLE
            return station_status([station.status_of(n) for n in station.connectors])
        return station.connectors[connector_id].status(
            station_operative=station.availability.idle_connectors_operative,
            reserved=station.reservations.of(connector_id) is not None,
        )

    def report(self) -> None:
        """Queue a StatusNotification for each state that became another one."""
        own = (self.status_of(_WHOLE_STATION), self._fault)
        if own != self._reported:
            self._reported = own
            self._notify(_WHOLE_STATION, *own)
        for connector in self._station.connectors.values():
            state = (self.status_of(connector.connector_id), connector.error_code)
            if state != connector.reported:
                connector.reported = state
                self._notify(connector.connector_id, *state)

    def forget_reports(self) -> None:
        """Report every state anew, as after a boot."""
        self._reported = None
        for connector in self._station.connectors.values():
            connector.reported = None

    def _notify(self, connector_id: int, status: ChargePointStatus, error_code: ChargePointErrorCode) -> None:
        station = self._station
        station.outbox.put(status_notification(station.version, connector_id, status, error_code, station.now()))

    def _interrupt(self, connector: Connector, *, was_faulted: bool) -> None:
        station = self._station
        if connector.transaction is None or connector.faulted == was_faulted:
            return
        if connector.faulted:
            connector.meter.open(station.now())
            station.metering.interrupted(connector, ReadingContext.INTERRUPTION_BEGIN)
        else:
            connector.meter.close(station.now(), new_vehicle=False)
            station.metering.interrupted(connector, ReadingContext.INTERRUPTION_END)
