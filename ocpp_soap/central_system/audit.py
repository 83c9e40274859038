"""Who changed what: each change asked for by the REST API, carried out or refused, and those of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from ocpp_soap.central_system.collections import AUDIT
from ocpp_soap.central_system.masking import masked
from ocpp_soap.central_system.records import Listing, document_of, record_of, select
from ocpp_soap.storage.base import Storage
from ocpp_soap.storage.encoding import is_held_by_all


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change. ``actor`` is ``key:NAME`` or ``cli:USER``, ``target`` what was to be changed, such as ``/tags/04A2``.

    ``status`` is the HTTP status it ended in, None for what the command line did.
    """

    entry_id: str
    at: datetime
    actor: str
    action: str
    target: str
    address: str | None = None
    status: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


class Audit:
    """The audit trail, in the order in which it was written; an entry is removed by its age only, if that is set."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def add(
        self,
        actor: str,
        action: str,
        target: str,
        *,
        address: str | None = None,
        status: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> AuditEntry:
        """Write an entry, of ``data`` without its secrets; it is stored on return.

        What not every store holds is kept as Python writes it.
        """
        entry = AuditEntry(
            entry_id=uuid4().hex,
            at=datetime.now(timezone.utc),
            actor=actor,
            action=action,
            target=target,
            address=address,
            status=status,
            data={_kept(name): _kept(value) for name, value in masked(data or {}).items()},
        )
        self._store.append(AUDIT, [(entry.entry_id, document_of(entry))])
        return entry

    def list(
        self,
        *,
        actor: str | None = None,
        target: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[AuditEntry]:
        """The entries of an actor or on a target, in the order in which they were written."""
        where = {"actor": actor} if actor is not None else {"target": target} if target is not None else {}
        keep = (lambda entry: entry.target == target) if actor is not None and target is not None else None
        return select(
            self._store,
            AUDIT,
            where,
            lambda document: record_of(AuditEntry, document),
            keep=keep,
            descending=descending,
            limit=limit,
            after=after,
        )


def _kept(value: Any) -> Any:
    return value if is_held_by_all(value) else repr(value)
