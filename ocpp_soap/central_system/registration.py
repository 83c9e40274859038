"""Who may speak, and what the central system learns of a station from every message of it, whatever its action."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from ocpp_soap.central_system.access import Access
from ocpp_soap.central_system.contacts import Contacts
from ocpp_soap.central_system.records import warning_document
from ocpp_soap.central_system.stations import MOST_ODDITIES, Registration, Station, Stations
from ocpp_soap.central_system.texts import LONGEST_TEXT
from ocpp_soap.dispatch import LONGEST_IN_WARNING, Call, Exchanged, MessageWarning
from ocpp_soap.errors import SecurityError

ALWAYS_RECORDED = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})
"""What a blocked station may still send: the energy has flowed, whatever we think of the station (notes, 7.34)."""

_NO_HOSTS = ("http://www.w3.org/", "http://schemas.xmlsoap.org/")
"""How the anonymous URIs of the versions of WS-Addressing begin."""


class Admission:
    """The rule that every message passes before its handler.

    ``unknown``: what the first message of a station that is not known does: register it as accepted, as held, or not at
    all. ``heartbeat_interval`` in seconds is what stations get that have none of their own. ``heard`` is called with
    the identity and the time of every message of a known station, ``registered`` for every new station.
    """

    def __init__(
        self,
        stations: Stations,
        contacts: Contacts,
        access: Access,
        *,
        unknown: Literal["accept", "reject", "hold"],
        heartbeat_interval: int,
    ) -> None:
        self._stations = stations
        self._contacts = contacts
        self._access = access
        self._unknown = unknown
        self._heartbeat_interval = heartbeat_interval
        self.heard: Callable[[str, datetime], None] | None = None
        self.registered: Callable[[Station], None] | None = None

    def admit(self, call: Call, *, replayed: bool = False) -> Station:
        """The station that sent ``call``, registered now if it was not known; sets its registered identity in the call.

        A BootNotification is always let through, since its answer can say Rejected. A ``replayed`` call tells nothing
        of where the station is now and proves nothing. Raises SecurityError if the station may not use the action, or
        does not prove what is required of it.
        """
        station = self._find(call)
        if station.is_known and not replayed:
            self._access.check(station, call)
            self._contacts.seen(station.charge_box_identity, call.received_at, call.peer)
            if _tells_news(station, call):
                station = self._learn(station, call)
            if self.heard is not None:
                self.heard(station.charge_box_identity, call.received_at)
        call.charge_box_identity = station.charge_box_identity
        if station.is_accepted or call.action.name == "BootNotification":
            return station
        if station.is_known and call.action.name in ALWAYS_RECORDED:
            return station
        raise SecurityError(
            f"The station is {station.registration} here and may not use {call.action.name}.", kind=station.registration
        )

    def is_proven(self, exchanged: Exchanged) -> bool | None:
        """Whether a message proves what the station that it names must; None: no such station is known."""
        station = self._known(exchanged.charge_box_identity)
        if station is None:
            return None
        try:
            self._access.check(station, exchanged)
        except SecurityError:
            return False
        return True

    def demands_proof(self, charge_box_identity: str) -> bool:
        """Whether a station of that identity is known and must prove something."""
        station = self._known(charge_box_identity)
        return station is not None and bool(station.requirements)

    def heartbeat_interval(self, station: Station) -> int:
        """Seconds between heartbeats, or until the next boot of a station that was not accepted."""
        return station.heartbeat_interval or self._heartbeat_interval

    def _known(self, charge_box_identity: str) -> Station | None:
        if not charge_box_identity:
            return None
        return self._stations.recall(charge_box_identity) or self._stations.match(charge_box_identity)

    def _find(self, call: Call) -> Station:
        identity = call.charge_box_identity
        station = self._stations.recall(identity)
        if station is not None:
            return station
        station = self._stations.match(identity)
        if station is not None:
            if station.charge_box_identity != identity:  # else another process has only just registered it
                call.warnings.append(MessageWarning("identity_case", "chargeBoxIdentity", identity))
            return station
        if self._unknown == "reject":
            return Station(charge_box_identity=identity, registration=Registration.UNKNOWN.value)
        registration = Registration.HELD if self._unknown == "hold" else Registration.ACCEPTED
        new = Station(charge_box_identity=identity, registration=registration.value, version=call.version.value)
        station = self._stations.register(new)
        if self.registered is not None:
            self.registered(station)
        return station

    def _learn(self, station: Station, call: Call) -> Station:
        news: dict[str, Any] = {}
        if station.version != call.version:
            news["version"] = call.version.value
        spelling = None if call.charge_box_identity == station.charge_box_identity else call.charge_box_identity
        if spelling != station.spelling:
            news["spelling"] = spelling
        url = _usable_url(call)
        if url and url != station.learned_url:
            news["learned_url"] = url
        oddities = _new_oddities(station, call)
        if oddities:
            news["oddities"] = oddities
        if not news:
            return station
        return self._stations.change(station.charge_box_identity, **news) or station


def _tells_news(station: Station, call: Call) -> bool:
    """Whether the call may say something new of its station."""
    return (
        bool(call.warnings)
        or call.callback_url != station.learned_url
        or call.version != station.version
        or call.charge_box_identity != (station.spelling or station.charge_box_identity)
        or station.spelling is not None
    )


def _new_oddities(station: Station, call: Call) -> dict[str, dict[str, Any]]:
    """The breaches in this call that the station was not known for, with their example."""
    if not call.warnings:
        return {}
    found = {f"{warning.kind} {warning.where[:LONGEST_IN_WARNING]}".strip(): warning for warning in call.warnings}
    new = [name for name in found if name not in station.oddities][: MOST_ODDITIES - len(station.oddities)]
    example = {"action": call.action.name, "at": call.received_at}
    return {name: {**warning_document(found[name]), **example} for name in new}


def _usable_url(call: Call) -> str:
    """The callback address of the call, or nothing: the anonymous URI of WS-Addressing is no address."""
    url = call.callback_url.strip()
    if not url or url.startswith(_NO_HOSTS):
        return ""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or len(url) > LONGEST_TEXT:
        call.warnings.append(MessageWarning("unusable_callback", "From", url[:LONGEST_IN_WARNING]))
        return ""
    return url
