"""Envelopes that are kept because energy flowed: every Start, Stop and MeterValues that was not understood.

It was answered with a fault, or holds a value in a shape that is not known. A station does not repeat either. So the
bytes are on disk before the answer leaves, whatever the journal keeps, and ``ocpp-soap messages replay`` sends them
through the system again when the cause is mended.

Among them are those that did not prove what their station must: a station whose certificate was not renewed has
delivered energy too, but anyone may have sent them.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from ocpp_soap.central_system.collections import KEPT, KEPT_PARTS
from ocpp_soap.central_system.limits import RateLimit
from ocpp_soap.central_system.records import Listing, digest, document_of, record_of, revise, select
from ocpp_soap.central_system.registration import ALWAYS_RECORDED
from ocpp_soap.dispatch import Exchanged
from ocpp_soap.errors import FAULTS, AlreadyExists, RetryLater, SecurityError
from ocpp_soap.messages import Choice
from ocpp_soap.soap.codec.notes import UNREAD
from ocpp_soap.soap.faults import MustUnderstand, VersionMismatch
from ocpp_soap.storage.base import Document, Storage

MOST_OF_STRANGERS = 600
UNDERSTOOD = "ok"
"""The outcome of an envelope that is understood."""
NOT_UNDERSTOOD = frozenset({*FAULTS, MustUnderstand.__name__, VersionMismatch.__name__, UNREAD})

_PART = 700_000
_log = structlog.get_logger("ocpp_soap.central_system")
_ACTIONS = {action.lower().encode(): action for action in ALWAYS_RECORDED}
_NAMED = re.compile(rb"(?<![a-z])(?:" + b"|".join(sorted(_ACTIONS)) + rb")(?!response)")


class KeptState(Choice):
    """Whether a kept envelope was understood when it was replayed."""

    KEPT = "kept"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEnvelope:
    """An envelope that was not understood, without its bytes, which :meth:`Kept.body` gives.

    ``outcome``: the subcode of the fault that it got, or ``unread_value``. ``charset``, ``http_action``,
    ``url_identity`` and ``url_version`` are what its HTTP request told beside it. ``is_unproven``: it did not prove
    what the station that it names must (:mod:`.access`).
    """

    id: str
    at: datetime
    action: str
    outcome: str
    size: int
    parts: int
    state: str = KeptState.KEPT.value
    charge_box_identity: str | None = None
    peer: str | None = None
    charset: str = ""
    http_action: str = ""
    url_identity: str = ""
    url_version: str | None = None
    replayed_at: datetime | None = None
    is_unproven: bool = False


class Kept:
    """The kept envelopes.

    ``is_proven`` tells whether a message proves what the station that it names must; None: no such station is known.
    """

    def __init__(self, store: Storage, is_proven: Callable[[Exchanged], bool | None]) -> None:
        self._store = store
        self._is_proven = is_proven
        self._strangers = RateLimit(MOST_OF_STRANGERS)

    def keep(self, exchanged: Exchanged) -> None:
        """Keep a request that was not understood, if it reports energy; on disk on return, once if repeated.

        Of senders that are not known, or do not prove who they are, at most :data:`MOST_OF_STRANGERS` a minute are
        kept, so that they cannot fill the disk so easily.
        """
        action = exchanged.action or _action_in(exchanged)
        if action not in ALWAYS_RECORDED:
            return
        is_proven = self._is_proven(exchanged)
        if not is_proven and not self._has_room_for_stranger():
            _log.warning(
                "an envelope of an unknown or unproven sender was not kept", action=action, peer=exchanged.peer
            )
            return
        packed = base64.b64encode(zlib.compress(exchanged.request)).decode("ascii")
        parts = [packed[start : start + _PART] for start in range(0, len(packed), _PART)]
        is_unproven = is_proven is False
        key = digest(exchanged.charge_box_identity, exchanged.url_identity, packed, *(["unproven"] * is_unproven))
        envelope = KeptEnvelope(
            id=key,
            at=exchanged.received_at,
            action=action,
            outcome=outcome_of(exchanged),
            size=len(exchanged.request),
            parts=len(parts),
            charge_box_identity=exchanged.charge_box_identity or None,
            peer=exchanged.peer or None,
            charset=exchanged.charset,
            http_action=exchanged.http_action,
            url_identity=exchanged.url_identity,
            url_version=exchanged.url_version.value if exchanged.url_version else None,
            is_unproven=is_unproven,
        )
        self._store.put(KEPT_PARTS, {f"{key}-{number}": {"body": part} for number, part in enumerate(parts)})
        with suppress(AlreadyExists):
            self._store.create(KEPT, key, document_of(envelope), durable=True)

    def _has_room_for_stranger(self) -> bool:
        try:
            self._strangers.check("strangers")
        except RetryLater:
            return False
        return True

    def get(self, envelope_id: str) -> KeptEnvelope | None:
        """The kept envelope of that id, or None."""
        stored = self._store.get(KEPT, envelope_id)
        return None if stored is None else _read(stored.document)

    def body(self, envelope: KeptEnvelope) -> bytes:
        """The bytes as received, without their codings."""
        keys = [f"{envelope.id}-{number}" for number in range(envelope.parts)]
        parts = self._store.get_many(KEPT_PARTS, keys)
        return zlib.decompress(base64.b64decode("".join(parts[key].document["body"] for key in keys)))

    def list(
        self, *, state: str | None = None, descending: bool = False, limit: int = 100, after: str | None = None
    ) -> Listing[KeptEnvelope]:
        """The kept envelopes of that state, by time."""
        where: dict[str, Any] = {"state": state} if state else {}
        return select(
            self._store,
            KEPT,
            where,
            _read,
            order="at",
            descending=descending,
            limit=limit,
            after=after,
        )

    def replayed(self, envelope_id: str, at: datetime) -> KeptEnvelope | None:
        """Note that an envelope was understood now; None: there is none of that id."""
        values = {"state": KeptState.REPLAYED.value, "replayed_at": at}
        stored = revise(self._store, KEPT, envelope_id, lambda document: {**document, **values})
        return None if stored is None else _read(stored.document)

    def remove(self, envelope_id: str) -> bool:
        """Remove an envelope; False: there is none of that id."""
        envelope = self.get(envelope_id)
        if envelope is None or not self._store.delete(KEPT, envelope_id):
            return False
        for number in range(envelope.parts):
            self._store.delete(KEPT_PARTS, f"{envelope_id}-{number}")
        return True


def _read(document: Document) -> KeptEnvelope:
    """A record; one of a version that did not look for a proof has none if it was refused for its sender's sake."""
    return record_of(KeptEnvelope, {"is_unproven": document["outcome"] == SecurityError.__name__, **document})


def outcome_of(exchanged: Exchanged) -> str:
    """How a request fared: as it was answered, but ``unread_value`` if it holds a value that was not understood."""
    is_unread = exchanged.outcome == UNDERSTOOD and any(warning.kind == UNREAD for warning in exchanged.warnings)
    return UNREAD if is_unread else exchanged.outcome


def _action_in(exchanged: Exchanged) -> str:
    """The action that the bytes of an envelope or its HTTP headers name, if it could not be read far enough to tell."""
    text = exchanged.request.replace(b"\0", b"") + b"\n" + exchanged.http_action.encode("utf-8", "replace")
    named = _NAMED.search(text.lower())
    return _ACTIONS[named[0]] if named else ""
