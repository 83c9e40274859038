"""Who may speak, and what the central system learns of a station from every message of it, whatever its action."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from ocpp_soap.central_system.contacts import Contacts
from ocpp_soap.central_system.records import document_of
from ocpp_soap.central_system.stations import Registration, Station, Stations
from ocpp_soap.dispatch import Call, MessageWarning
from ocpp_soap.errors import SecurityError

ALWAYS_RECORDED = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})
"""What a blocked station may still send: the energy has flowed, whatever we think of the station (notes, 7.34)."""

MOST_ODDITIES = 50


class Admission:
    """The rule that every message passes before its handler.

    ``unknown``: whether the first message of a station that is not known registers it. ``heartbeat_interval`` in
    seconds is what stations get that have none of their own.
    """

    def __init__(
        self, stations: Stations, contacts: Contacts, *, unknown: Literal["accept", "reject"], heartbeat_interval: int
    ) -> None:
        self._stations = stations
        self._contacts = contacts
        self._unknown = unknown
        self._heartbeat_interval = heartbeat_interval

    def admit(self, call: Call) -> Station:
        """The station that sent ``call``, registered now if it was not known.

        A BootNotification is always let through, since its answer can say Rejected. Raises SecurityError if the
        station may not use the action.
        """
        station = self._stations.get(call.charge_box_identity)
        if station is None:
            station = self._meet(call)
        if station.is_known:
            self._contacts.seen(station.charge_box_identity, call.received_at, call.peer)
            station = self._learn(station, call)
        if station.is_accepted or call.action.name == "BootNotification":
            return station
        if station.is_known and call.action.name in ALWAYS_RECORDED:
            return station
        raise SecurityError(f"The station is {station.registration} here and may not use {call.action.name}.")

    def heartbeat_interval(self, station: Station) -> int:
        """Seconds between heartbeats, or until the next boot of a station that was not accepted."""
        return station.heartbeat_interval or self._heartbeat_interval

    def _meet(self, call: Call) -> Station:
        if self._unknown == "reject":
            return Station(charge_box_identity=call.charge_box_identity, registration=Registration.UNKNOWN.value)
        station = Station(charge_box_identity=call.charge_box_identity, version=call.version.value)
        return self._stations.register(station)

    def _learn(self, station: Station, call: Call) -> Station:
        news: dict[str, Any] = {}
        if station.version != call.version.value:
            news["version"] = call.version.value
        url = _usable_url(call)
        if url and url != station.learned_url:
            news["learned_url"] = url
        oddities = {f"{w.kind} {w.where}".strip(): w for w in call.warnings}
        room = MOST_ODDITIES - len(station.oddities)
        new = [name for name in oddities if name not in station.oddities][:room]
        if new:
            example = {"action": call.action.name, "at": call.received_at}
            seen = {name: {**document_of(oddities[name]), **example} for name in new}
            news["oddities"] = {**station.oddities, **seen}
        if not news:
            return station
        return self._stations.change(station.charge_box_identity, **news) or station


def _usable_url(call: Call) -> str:
    """The callback address of the call, or nothing: the anonymous URI is no address (WS-Addressing 1.0)."""
    url = call.callback_url.strip()
    if not url or url.startswith("http://www.w3.org/"):
        return ""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        call.warnings.append(MessageWarning("unusable_callback", "From", url[:100]))
        return ""
    return url
