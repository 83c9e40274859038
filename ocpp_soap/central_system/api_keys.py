"""The keys of the REST API: what each may do, from where, and only the digest of its secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from ipaddress import ip_network

from ocpp_soap.central_system.collections import API_KEYS
from ocpp_soap.central_system.records import Listing, document_of, record_of, revise, select
from ocpp_soap.messages import Choice
from ocpp_soap.soap.peers import is_in
from ocpp_soap.storage.base import Document, Storage

PREFIX = "osk"


class Role(Choice):
    """What a key may do; each role includes the one before it."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether a key of this role may do what ``other`` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key without its secret. ``networks`` in which it may be used, such as 10.0.0.0/8; none: everywhere."""

    key_id: str
    name: str
    role: str
    created_at: datetime
    networks: list[str] = field(default_factory=list)
    created_by: str | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    @property
    def actor(self) -> str:
        """How the audit trail names it."""
        return f"key:{self.name}"

    def may(self, role: Role) -> bool:
        """Whether it includes that role."""
        return Role(self.role).includes(role)


class ApiKeys:
    """The table of keys."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def add(self, name: str, role: Role, *, networks: Sequence[str] = (), by: str = "") -> tuple[ApiKey, str]:
        """A new key and its token, which is shown this once and stored nowhere.

        Raises ValueError if the name is empty or a network is none.
        """
        if not name.strip():
            raise ValueError("the name of a key must not be empty")
        key = ApiKey(
            key_id=secrets.token_hex(6),
            name=name.strip(),
            role=role.value,
            created_at=datetime.now(timezone.utc),
            networks=[str(ip_network(network)) for network in networks],
            created_by=by or None,
        )
        secret = secrets.token_urlsafe(32)
        self._store.create(API_KEYS, key.key_id, {**document_of(key), "digest": _digest(secret)}, durable=True)
        return key, f"{PREFIX}_{key.key_id}_{secret}"

    def get(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked or not."""
        stored = self._store.get(API_KEYS, key_id)
        return None if stored is None else record_of(ApiKey, stored.document)

    def is_valid(self, key_id: str) -> bool:
        """Whether there is a key of that id, and it was not revoked."""
        key = self.get(key_id)
        return key is not None and key.revoked_at is None

    def list(self, *, name: str | None = None, limit: int = 100, after: str | None = None) -> Listing[ApiKey]:
        """The keys, those revoked included, of that name."""
        where = {} if name is None else {"name": name}
        return select(
            self._store, API_KEYS, where, lambda document: record_of(ApiKey, document), limit=limit, after=after
        )

    def revoke(self, key_id: str, *, by: str = "") -> ApiKey | None:
        """End a key, at once and for good; None: there is none of that id."""

        def revoked(document: Document) -> Document | None:
            if document.get("revoked_at"):
                return None
            return {**document, "revoked_at": datetime.now(timezone.utc), "revoked_by": by or None}

        stored = revise(self._store, API_KEYS, key_id, revoked, durable=True)
        return None if stored is None else record_of(ApiKey, stored.document)

    def authenticate(self, token: str, address: str) -> ApiKey | None:
        """The key of a token that is used from that IP address; None: unknown, revoked, or not to be used there."""
        prefix, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        stored = self._store.get(API_KEYS, key_id) if prefix == PREFIX and key_id else None
        if stored is None or not hmac.compare_digest(stored.document["digest"], _digest(secret)):
            return None
        key = record_of(ApiKey, stored.document)
        may_come_from_there = not key.networks or is_in(address, map(ip_network, key.networks))
        return key if key.revoked_at is None and may_come_from_there else None


def bearer_token(authorization: str) -> str:
    """The token in an Authorization header; empty: it has none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _digest(secret: str) -> str:
    """A plain digest is enough: the secret is 256 random bits, which nobody guesses however fast the digest is."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
