"""How a station wants to be called: time-out, SOAP version, credentials, certificates, and which headers it bears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocpp_soap.central_system.collections import SECRETS
from ocpp_soap.central_system.records import document_of, record_of
from ocpp_soap.central_system.stations import Station, Stations
from ocpp_soap.storage.base import Storage

if TYPE_CHECKING:
    from ocpp_soap.soap.client import Endpoint

SOAP_VERSIONS = ("1.2", "1.1")
ACTION_FORMS = ("slash", "bare", "qualified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The profile of outgoing calls to one station.

    ``timeout``: seconds, 0: the general one. ``action_form``: the Action header as ``/Reset`` (slash), ``Reset``
    (bare) or after the service's namespace (qualified). ``send_from``: whether the From header is sent. ``username``:
    of HTTP Basic, whose password is set with it. ``ca_file``, ``client_certificate``, ``client_key``: PEM files.
    """

    timeout: float = 0.0
    soap_version: str = "1.2"
    action_form: str = "slash"
    send_from: bool = True
    username: str = ""
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""


class Profiles:
    """Sets the profiles of stations and makes endpoints of them."""

    def __init__(self, store: Storage, stations: Stations, *, timeout: float, guard: Any) -> None:
        self._store = store
        self._stations = stations
        self._timeout = timeout
        self._guard = guard

    def set(self, charge_box_identity: str, profile: Profile, password: str = "") -> Station | None:
        """Call a station so from now on; None: it is not known. Raises ValueError for a value that is none."""
        if profile.soap_version not in SOAP_VERSIONS:
            raise ValueError(f"SOAP version {profile.soap_version!r}: expected 1.2 or 1.1")
        if profile.action_form not in ACTION_FORMS:
            raise ValueError(f"form of the Action header {profile.action_form!r}: expected {', '.join(ACTION_FORMS)}")
        if profile.timeout < 0:
            raise ValueError(f"timeout {profile.timeout}: expected seconds, or 0 for the general one")
        if password:
            self._store.put(SECRETS, {_secret_key(charge_box_identity): {"password": password}})
        else:
            self._store.delete(SECRETS, _secret_key(charge_box_identity))
        return self._stations.change(
            charge_box_identity, profile=document_of(profile) if profile != Profile() else None
        )

    def timeout(self, charge_box_identity: str) -> float:
        """How many seconds a call to a station may take."""
        station = self._stations.get(charge_box_identity)
        profile = record_of(Profile, (station and station.profile) or {})
        return profile.timeout or self._timeout

    def endpoint(self, station: Station, timeout: float | None = None) -> Endpoint:
        """Where and how to call a station; ``timeout`` in seconds beats its profile's."""
        from ocpp_soap.soap.client import ActionForm, Endpoint  # noqa: PLC0415 (zeep is loaded at the first call only)

        profile = record_of(Profile, station.profile or {})
        secret = None
        if profile.username:
            secret = self._store.get(SECRETS, _secret_key(station.charge_box_identity))
        return Endpoint(
            station.callback_url,
            timeout=timeout or profile.timeout or self._timeout,
            soap_version=profile.soap_version,
            action_form=ActionForm(profile.action_form),
            send_from=profile.send_from,
            username=profile.username,
            password=secret.document["password"] if secret else "",
            ca_file=profile.ca_file,
            client_certificate=profile.client_certificate,
            client_key=profile.client_key,
            guard=self._guard,
        )


def _secret_key(charge_box_identity: str) -> str:
    return f"call:{charge_box_identity}"
