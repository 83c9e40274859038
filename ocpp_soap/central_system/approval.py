"""Letting a station in or keeping it out, told as an event."""

from __future__ import annotations

from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.stations import Registration, Station, Stations


class Approval:
    """What an operator decides of a station, held or not, and what its first message decided."""

    def __init__(self, stations: Stations, events: Events) -> None:
        self._stations = stations
        self._events = events

    def approve(self, charge_box_identity: str, *, by: str = "") -> Station:
        """Accept a station, also one that was never seen."""
        station = self._stations.allow(charge_box_identity)
        self._events.add("station.approved", charge_box_identity, by=by or None)
        return station

    def refuse(self, charge_box_identity: str, *, by: str = "") -> Station:
        """Block a station, also one that was never seen; the energy that it reports is still recorded."""
        station = self._stations.block(charge_box_identity)
        self._events.add("station.refused", charge_box_identity, by=by or None)
        return station

    def registered(self, station: Station) -> None:
        """A station was met for the first time; its message is answered even if the event cannot be stored now."""
        kind = "station.held" if station.registration == Registration.HELD else "station.registered"
        at = station.registered_at.isoformat() if station.registered_at else ""
        key = f"{kind}:{station.charge_box_identity}:{at}"
        self._events.note(kind, station.charge_box_identity, key=key, version=station.version)
