"""The charge points that the central system knows: registration, what they are, where they can be called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ocpp_soap.central_system.collections import STATIONS
from ocpp_soap.central_system.contacts import Contact, Contacts
from ocpp_soap.central_system.recent import Recent
from ocpp_soap.central_system.records import Listing, document_of, record_of, revise, select, storable
from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import AlreadyExists, NotFound
from ocpp_soap.messages import BootNotificationRequest, Choice, Version
from ocpp_soap.storage.base import Document, Storage

_Warnings = list[MessageWarning]
_Oddities = dict[str, dict[str, Any]]

MOST_ODDITIES = 50


class Registration(Choice):
    """What the central system thinks of a station.

    ``held``: nobody has decided yet; treated as blocked. ``unknown`` is never stored.
    """

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    HELD = "held"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A charge point. Times are aware and in UTC.

    ``spelling`` is its identity as it spells it, if that differs in letter case from the one it is registered by.
    ``version`` is the OCPP version it spoke last. ``learned_url`` is where it said it listens, ``set_url`` where the
    operator says it does. ``boot`` is its last BootNotification as sent, ``told_interval`` the heartbeat interval that
    it was told then. ``oddities`` are the breaches of the specification seen in its messages, one example of each, by
    ``kind where``. ``requirements`` is what its messages must prove (:mod:`.access`), ``profile`` how it is called
    (:mod:`.profiles`). ``last_seen`` and ``peer``, when and from where its last message came, are set by ``show`` and
    ``list`` only.
    """

    charge_box_identity: str
    registration: str = Registration.ACCEPTED.value
    registered_at: datetime | None = None
    spelling: str | None = None
    version: str | None = None
    learned_url: str = ""
    set_url: str = ""
    heartbeat_interval: int | None = None
    told_interval: int | None = None
    vendor: str | None = None
    model: str | None = None
    boot: dict[str, Any] | None = None
    booted_at: datetime | None = None
    oddities: dict[str, dict[str, Any]] = field(default_factory=dict)
    requirements: dict[str, Any] | None = None
    profile: dict[str, Any] | None = None
    last_seen: datetime | None = None
    peer: str | None = None

    @property
    def callback_url(self) -> str:
        """Where its ChargePointService is called; the operator's word wins. Empty: not known."""
        return self.set_url or self.learned_url

    @property
    def is_known(self) -> bool:
        """Whether it was ever registered, blocked or not."""
        return self.registration != Registration.UNKNOWN

    @property
    def is_accepted(self) -> bool:
        """Whether it may use the central system."""
        return self.registration == Registration.ACCEPTED

    @property
    def ocpp_version(self) -> Version:
        """The version to call it in: the one it spoke last, else 1.5."""
        return Version(self.version) if self.version else Version.V15


def stored_form(station: Station) -> Document:
    """The document of a station, with what it is searched by."""
    return {**document_of(station), "folded_identity": station.charge_box_identity.lower()}


class Stations:
    """The table of stations, by charge box identity."""

    def __init__(self, store: Storage, contacts: Contacts) -> None:
        self._store = store
        self._contacts = contacts
        self._recent = Recent(store, STATIONS, Station)

    def get(self, charge_box_identity: str) -> Station | None:
        """The station of that exact identity, without ``last_seen``; None: it is not known."""
        stored = self._store.get(STATIONS, charge_box_identity)
        return None if stored is None else record_of(Station, stored.document)

    def recall(self, charge_box_identity: str) -> Station | None:
        """As :meth:`get`, but it may not yet show what another process changed within the last 2 seconds."""
        return self._recent.get(charge_box_identity)

    def check_known(self, charge_box_identities: Iterable[str]) -> None:
        """Raise NotFound that names those that are not known."""
        unknown = [identity for identity in charge_box_identities if self.get(identity) is None]
        if unknown:
            names = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
            raise NotFound(f"{names}: no such charge point; `ocpp-soap stations list` shows those known")

    def show(self, charge_box_identity: str) -> Station | None:
        """The station of that exact identity with ``last_seen``; None: it is not known."""
        stored = self._store.get(STATIONS, charge_box_identity)
        return None if stored is None else self._with_last_seen([stored.document])[0]

    def list(
        self, *, registration: str | None = None, vendor: str | None = None, limit: int = 100, after: str | None = None
    ) -> Listing[Station]:
        """The stations, sorted by identity, of that registration and that vendor."""
        wanted = {"registration": registration, "vendor": vendor}
        where = {name: value for name, value in wanted.items() if value}
        found = select(
            self._store,
            STATIONS,
            where,
            lambda document: document,
            order="charge_box_identity" if where else None,
            limit=limit,
            after=after,
        )
        return Listing([*self._with_last_seen(found.items)], found.next)

    def register(self, station: Station) -> Station:
        """Store a station that was not known; if another process was first, return what that one stored."""
        try:
            return self.add(station)
        except AlreadyExists:
            return self.get(station.charge_box_identity) or station

    def add(self, station: Station) -> Station:
        """Store a station that was not known. Raises AlreadyExists."""
        document = stored_form(replace(station, registered_at=datetime.now(timezone.utc)))
        try:
            stored = self._store.create(STATIONS, station.charge_box_identity, document)
        finally:
            self._recent.forget(station.charge_box_identity)
        return record_of(Station, stored.document)

    def match(self, charge_box_identity: str) -> Station | None:
        """The only station whose identity differs from this one in letter case at most; None: none, or several."""
        page = self._store.find(STATIONS, {"folded_identity": charge_box_identity.lower()}, limit=2)
        return record_of(Station, page.items[0].document) if len(page.items) == 1 else None

    def change(
        self, charge_box_identity: str, *, revision: int | None = None, oddities: _Oddities | None = None, **values: Any
    ) -> Station | None:
        """Set fields of a station (None removes one), and add ``oddities``; None: it is not known.

        With ``revision``, raises RevisionConflict if its document has another one.
        """

        def changed(document: Document) -> Document | None:
            if oddities:
                values["oddities"] = _together(document.get("oddities", {}), oddities)
            new = {key: value for key, value in {**document, **values}.items() if value is not None}
            return None if new == document else new

        stored = revise(self._store, STATIONS, charge_box_identity, changed, revision=revision)
        self._recent.forget(charge_box_identity)
        return None if stored is None else record_of(Station, stored.document)

    def allow(self, charge_box_identity: str) -> Station:
        """Accept a station, also one that was never seen."""
        return self._set_registration(charge_box_identity, Registration.ACCEPTED)

    def block(self, charge_box_identity: str) -> Station:
        """Refuse a station, also one that was never seen; the energy it reports is still recorded."""
        return self._set_registration(charge_box_identity, Registration.BLOCKED)

    def set_url(self, charge_box_identity: str, url: str) -> Station | None:
        """Set by hand where the station is called, which no message overrides; empty: as the station says."""
        return self.change(charge_box_identity, set_url=url)

    def set_heartbeat_interval(self, charge_box_identity: str, seconds: int | None) -> Station | None:
        """Set the heartbeat interval that the station gets at its next boot; None: the general one.

        Raises ValueError for one that no message can hold.
        """
        if seconds is not None and not 1 <= seconds < 2**31:
            raise ValueError(f"heartbeat interval {seconds}: expected 1 to {2**31 - 1} seconds")
        return self.change(charge_box_identity, heartbeat_interval=seconds)

    def booted(
        self,
        station: Station,
        request: BootNotificationRequest,
        at: datetime,
        warnings: _Warnings | None = None,
        *,
        told_interval: int | None = None,
    ) -> None:
        """Keep what the station said of itself at a boot, and was told; ``warnings`` tells what had to be cut."""
        boot = storable(request, [] if warnings is None else warnings)
        vendor, model = boot.get("charge_point_vendor"), boot.get("charge_point_model")
        self.change(
            station.charge_box_identity,
            boot=boot,
            booted_at=at,
            vendor=vendor,
            model=model,
            told_interval=told_interval,
        )

    def _set_registration(self, charge_box_identity: str, registration: Registration) -> Station:
        station = self.change(charge_box_identity, registration=registration.value)
        if station is None:
            self.register(Station(charge_box_identity=charge_box_identity, registration=registration.value))
            station = self.change(charge_box_identity, registration=registration.value)
        return station or Station(charge_box_identity=charge_box_identity, registration=registration.value)

    def _with_last_seen(self, documents: Sequence[Document]) -> Sequence[Station]:
        contacts = self._contacts.of(document["charge_box_identity"] for document in documents)
        nothing: Contact = (None, None)
        return [
            record_of(Station, {**document, "last_seen": at, "peer": peer})
            for document in documents
            for at, peer in [contacts.get(document["charge_box_identity"], nothing)]
        ]


def _together(known: _Oddities, new: _Oddities) -> _Oddities:
    """The oddities that were known, and the first of the new ones, up to MOST_ODDITIES."""
    added = {name: oddity for name, oddity in new.items() if name not in known}
    return dict([*known.items(), *added.items()][:MOST_ODDITIES])
