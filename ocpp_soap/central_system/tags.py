"""The idTags and what they may do: the stored table, and the status that a station is told (12 §7.1, 15 §7.2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Literal

from ocpp_soap.central_system.collections import TAGS
from ocpp_soap.central_system.recent import Recent
from ocpp_soap.central_system.records import Listing, document_of, fold, record_of, revise, select
from ocpp_soap.central_system.texts import LONGEST_NAME
from ocpp_soap.errors import AlreadyExists, RevisionConflict
from ocpp_soap.messages import AuthorizationStatus, IdTagInfo
from ocpp_soap.messages.records import ID_TOKEN
from ocpp_soap.storage.base import Document, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An idTag in the spelling it was added with; ``status`` is Accepted or Blocked, all others are computed.

    ``parent_id_tag`` names its group: tags of one group have the same parent, the parent itself included (12/15 §3.4).
    ``max_concurrent`` transactions may be open with it at once; None: as the configuration says, 0: any number.
    """

    id_tag: str
    status: str = AuthorizationStatus.ACCEPTED.value
    expiry_date: datetime | None = None
    parent_id_tag: str | None = None
    max_concurrent: int | None = None
    added_at: datetime | None = None


class Tags:
    """The table of idTags. ``unknown``: whether a tag that is not in it may charge."""

    def __init__(self, store: Storage, *, unknown: Literal["accept", "reject"], max_concurrent: int) -> None:
        self._store = store
        self._unknown = unknown
        self._max_concurrent = max_concurrent
        self._recent = Recent(store, TAGS, Tag)

    def get(self, id_tag: str) -> Tag | None:
        """The tag of that spelling in any letter case; None: it is not in the table."""
        key = fold(id_tag)
        stored = self._store.get(TAGS, key) if key else None
        return None if stored is None else record_of(Tag, stored.document)

    def check(self, id_tag: str, at: datetime | None = None) -> IdTagInfo:
        """What a station is told of a tag ``at`` that time (default: now); never ConcurrentTx, which only a start gets.

        This is the default rule; a handler of one's own may ask it for the tags it does not decide itself. It may not
        yet know what another process changed within the last 2 seconds.
        """
        tag = self._recall(id_tag)
        if tag is None:
            accept = self._unknown == "accept"
            return IdTagInfo(status=AuthorizationStatus.ACCEPTED if accept else AuthorizationStatus.INVALID)
        status = AuthorizationStatus(tag.status)
        has_expired = tag.expiry_date is not None and tag.expiry_date <= (at or datetime.now(timezone.utc))
        if status is AuthorizationStatus.ACCEPTED and has_expired:
            status = AuthorizationStatus.EXPIRED
        return IdTagInfo(status=status, expiry_date=tag.expiry_date, parent_id_tag=tag.parent_id_tag)

    def max_concurrent(self, id_tag: str) -> int:
        """How many transactions may be open with the tag at once; 0: any number."""
        tag = self._recall(id_tag)
        return self._max_concurrent if tag is None or tag.max_concurrent is None else tag.max_concurrent

    def add(self, tag: Tag, *, revision: int | None = None, is_new: bool = False) -> Tag:
        """Add a tag, or give the one of that spelling these values. Raises ValueError if they cannot be a tag's.

        Spaces around it and its parent are no part of them: a station compares them with what it has read from a card.
        With ``revision``, raises RevisionConflict if the tag is not there in that revision; with ``is_new``,
        AlreadyExists if there is one.
        """
        if tag.status not in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED):
            raise ValueError(f"{tag.id_tag}: status {tag.status} is not stored; expected Accepted or Blocked")
        key = fold(tag.id_tag)
        if not key:
            raise ValueError("an idTag must not be empty")
        if len(tag.id_tag.strip().lower()) > LONGEST_NAME:
            raise ValueError(f"{tag.id_tag[:20]!r}…: an idTag in the table has at most {LONGEST_NAME} characters")
        if not tag.id_tag.isprintable() or not (tag.parent_id_tag or "").isprintable():
            raise ValueError(f"{tag.id_tag!r}: an idTag holds printable characters only")
        if len(tag.parent_id_tag or "") > ID_TOKEN.max_length:
            raise ValueError(
                f"{tag.id_tag}: the parent {tag.parent_id_tag} is longer than {ID_TOKEN.max_length} characters"
            )
        if tag.expiry_date is not None and tag.expiry_date.tzinfo is None:
            raise ValueError(f"{tag.id_tag}: the expiry date has no time zone")
        parent = (tag.parent_id_tag or "").strip() or None
        tag = replace(tag, id_tag=tag.id_tag.strip(), parent_id_tag=parent)
        values = document_of(tag)
        if tag.parent_id_tag:
            values["parent_key"] = fold(tag.parent_id_tag)
            self._join_own_group(tag.parent_id_tag)
        elif self._store.count(TAGS, {"parent_key": key}):
            values.update(parent_id_tag=tag.id_tag, parent_key=key)
        values.setdefault("added_at", datetime.now(timezone.utc))
        return self._create(key, values) if is_new else self._put(key, values, revision)

    def block(self, id_tag: str) -> Tag | None:
        """Refuse a tag from now on; None: it is not in the table."""
        blocked = {"status": AuthorizationStatus.BLOCKED.value}
        return self._change(fold(id_tag), lambda document: {**document, **blocked})

    def remove(self, id_tag: str, *, revision: int | None = None) -> bool:
        """Take a tag out of the table; False: it was not there. Raises RevisionConflict if it has another revision."""
        was_there = self._store.delete(TAGS, fold(id_tag), revision=revision)
        self._recent.forget(fold(id_tag))
        return was_there

    def list(self, *, status: str | None = None, limit: int = 100, after: str | None = None) -> Listing[Tag]:
        """The tags, of that stored status."""
        where = {"status": status} if status else {}
        return select(self._store, TAGS, where, lambda document: record_of(Tag, document), limit=limit, after=after)

    def _recall(self, id_tag: str) -> Tag | None:
        key = fold(id_tag)
        return self._recent.get(key) if key else None

    def _put(self, key: str, values: Document, revision: int | None) -> Tag:
        while True:
            changed = self._change(key, lambda _: values, revision)
            if changed is not None:
                return changed
            if revision is not None:
                raise RevisionConflict(f"{values['id_tag']}: is not there any more")
            with suppress(AlreadyExists):
                return self._create(key, values)

    def _create(self, key: str, values: Document) -> Tag:
        stored = self._store.create(TAGS, key, values)
        self._recent.forget(key)
        return record_of(Tag, stored.document)

    def _join_own_group(self, parent_id_tag: str) -> None:
        """A tag that is now the parent of another belongs to the group it names."""
        parent = self.get(parent_id_tag)
        if parent is not None and parent.parent_id_tag is None:
            group = {"parent_id_tag": parent.id_tag, "parent_key": fold(parent_id_tag)}
            self._change(fold(parent_id_tag), lambda document: {**document, **group})

    def _change(self, key: str, change: Callable[[Document], Document], revision: int | None = None) -> Tag | None:
        stored = revise(self._store, TAGS, key, change, revision=revision)
        self._recent.forget(key)
        return None if stored is None else record_of(Tag, stored.document)
