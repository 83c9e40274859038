"""What a station's messages must prove before they are believed: a client certificate, a password, a network.

Off unless required of that station. Both specifications recommend client certificates (12/15 §8.7); the rest is a
common extension. Passwords are kept as scrypt hashes, in a collection of their own.
"""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_network

from ocpp_soap.central_system.collections import SECRETS
from ocpp_soap.central_system.hashing import Hashing, hashed
from ocpp_soap.central_system.records import document_of, record_of
from ocpp_soap.central_system.stations import Station, Stations
from ocpp_soap.dispatch import Call, Exchanged
from ocpp_soap.errors import SecurityError
from ocpp_soap.soap.peers import is_in
from ocpp_soap.storage.base import Storage

UNPROVEN = "unproven"
"""The kind of the fault for a message that does not prove what it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What every message of a station must prove; empty: nothing.

    ``certificate_subject``: parts of a subject as in RFC 4514 (``CN=CP001,O=Acme``) that the client certificate's must
    hold. ``username``: the name of HTTP Basic credentials, whose password is set with it. ``networks``: the source
    address is in one of them (``10.0.0.0/8``).
    """

    certificate_subject: str = ""
    username: str = ""
    networks: list[str] = field(default_factory=list)


class Access:
    """Sets and checks the requirements of stations."""

    def __init__(self, store: Storage, stations: Stations) -> None:
        self._store = store
        self._stations = stations
        self._key = os.urandom(32)
        self._verified: dict[bytes, bool] = {}
        self._hashing = Hashing()

    def require(self, charge_box_identity: str, requirements: Requirements, password: str = "") -> Station | None:
        """Require this of a station from now on, instead of what was required; None: it is not known.

        Raises ValueError for a network or a subject that is none, and for a user name without password.
        """
        for network in requirements.networks:
            ip_network(network)
        if requirements.certificate_subject and not subject_parts(requirements.certificate_subject):
            raise ValueError(f"{requirements.certificate_subject!r} is no subject; expected such as CN=CP001,O=Acme")
        if bool(requirements.username) != bool(password):
            raise ValueError("HTTP Basic credentials need a user name and a password")
        if password:
            self._store.put(SECRETS, {_secret_key(charge_box_identity): {"hash": hashed(password, os.urandom(16))}})
        else:
            self._store.delete(SECRETS, _secret_key(charge_box_identity))
        required = document_of(requirements) if requirements != Requirements() else None
        return self._stations.change(charge_box_identity, requirements=required)

    def check(self, station: Station, message: Call | Exchanged) -> None:
        """Raise SecurityError of kind UNPROVEN, which names what is missing, unless ``message`` proves what it must.

        Raises RetryLater where too many passwords are being checked.
        """
        if not station.requirements:
            return
        required = record_of(Requirements, station.requirements)
        if required.networks and not _is_in(message.peer, tuple(required.networks)):
            raise SecurityError("This station may not call from this network.", kind=UNPROVEN)
        if required.certificate_subject:
            sent = subject_parts(message.client_subject)
            if not sent or not subject_parts(required.certificate_subject) <= sent:
                raise SecurityError("This station must present its own client certificate.", kind=UNPROVEN)
        if required.username and not self._has_password(station, required.username, message):
            raise SecurityError("This station must send its user name and password.", kind=UNPROVEN)

    def close(self) -> None:
        """End what runs for checks."""
        self._hashing.close()

    def _has_password(self, station: Station, username: str, message: Call | Exchanged) -> bool:
        if not message.password or not hmac.compare_digest(message.username.encode(), username.encode()):
            return False
        secret = self._store.get(SECRETS, _secret_key(station.charge_box_identity))
        if secret is None:
            return False
        stored: str = secret.document["hash"]
        seen = hmac.digest(self._key, f"{stored}\0{message.password}".encode("utf-8", "surrogatepass"), "sha256")
        is_right = self._verified.get(seen)
        if is_right is None:
            salt = bytes.fromhex(stored.partition("$")[0])
            is_right = hmac.compare_digest(self._hashing.hashed(message.password, salt), stored)
            if len(self._verified) >= 100_000:
                self._verified.clear()
            self._verified[seen] = is_right
        return is_right


def _secret_key(charge_box_identity: str) -> str:
    return f"basic:{charge_box_identity}"


_ATTRIBUTE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*=\s*((?:[^,+\\]|\\.)*)\s*")


@lru_cache(maxsize=4096)
def subject_parts(subject: str) -> frozenset[tuple[str, str]]:
    """The attributes of a subject as in RFC 4514, in any order: ``{("CN", "CP001"), ("O", "Acme")}``.

    Empty if the text is not one.
    """
    parts: set[tuple[str, str]] = set()
    place = 0
    while place < len(subject):
        found = _ATTRIBUTE.match(subject, place)
        if found is None or (found.end() < len(subject) and subject[found.end()] not in ",+"):
            return frozenset()
        parts.add((found[1].upper(), _unescaped(found[2].strip())))
        place = found.end() + 1
    return frozenset(parts)


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)


@lru_cache(maxsize=4096)
def _is_in(peer: str, networks: tuple[str, ...]) -> bool:
    return is_in(peer, map(ip_network, networks))
