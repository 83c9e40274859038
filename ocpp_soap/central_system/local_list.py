"""What is known of a station's local authorisation list, and how it differs from what it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ocpp_soap.central_system.records import digest, document_of, fold
from ocpp_soap.central_system.tags import Tag
from ocpp_soap.messages import AuthorisationData, AuthorizationStatus, Choice, IdTagInfo
from ocpp_soap.messages.records import ID_TOKEN

LONGEST_TAG = ID_TOKEN.max_length
"""The most characters of a tag in a list (15 §3.8)."""


class ListState(Choice):
    """``in_sync``: as the table of tags was at ``synced_at``; ``failed``: the station refused the whole list."""

    UNKNOWN = "unknown"
    IN_SYNC = "in_sync"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalList:
    """The list of one station as last known. ``entries`` are digests of its entries, by folded tag.

    ``sent_version`` and ``sent_entries`` are what was sent last while its answer is not known.
    """

    charge_box_identity: str
    state: str = ListState.UNKNOWN.value
    version: int = 0
    entries: dict[str, str] = field(default_factory=dict)
    sent_version: int | None = None
    sent_entries: dict[str, str] | None = None
    synced_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a list lacks, what is different in it, and what is too much."""

    added: list[AuthorisationData]
    changed: list[AuthorisationData]
    removed: list[AuthorisationData]

    @property
    def entries(self) -> list[AuthorisationData]:
        """The entries of a Differential update; those to be removed have no idTagInfo."""
        return [*self.added, *self.changed, *self.removed]


def as_found(known: LocalList, version: int) -> LocalList:
    """What is known of a list that says it has that version."""
    if version == known.sent_version and known.sent_entries is not None:
        entries, state = known.sent_entries, ListState.IN_SYNC.value
    elif version == known.version:
        entries, state = known.entries, known.state
    else:
        entries, state = {}, ListState.UNKNOWN.value
    return replace(known, version=version, entries=entries, state=state, sent_version=None, sent_entries=None)


def difference(entries: Mapping[str, str], wanted: Mapping[str, AuthorisationData]) -> Difference:
    """What must be added, changed and removed to make ``entries`` the ``wanted`` ones."""
    return Difference(
        added=[entry for key, entry in wanted.items() if key not in entries],
        changed=[entry for key, entry in wanted.items() if key in entries and entries[key] != digest_of(entry)],
        removed=[AuthorisationData(id_tag=key) for key in entries if key not in wanted],
    )


def can_be_listed(id_tag: str) -> bool:
    """Whether a list can hold a tag: in its spelling to add it, and folded to remove it."""
    return max(len(id_tag), len(fold(id_tag))) <= LONGEST_TAG


def entry_of(tag: Tag) -> AuthorisationData:
    """The entry of a tag as a list holds it; a blocked tag is in it too, and refused by the station itself."""
    info = IdTagInfo(
        status=AuthorizationStatus(tag.status), expiry_date=tag.expiry_date, parent_id_tag=tag.parent_id_tag
    )
    return AuthorisationData(id_tag=tag.id_tag, id_tag_info=info)


def digest_of(entry: AuthorisationData) -> str:
    """The digest by which an entry is compared."""
    return digest(document_of(entry))[:12]


def parts(
    entries: Sequence[AuthorisationData], chunk: int | None, *, at_least_one: bool
) -> Iterator[Sequence[AuthorisationData]]:
    """The entries in parts of that size; an empty list has one part if there must be one."""
    if not entries and at_least_one:
        yield ()
    size = chunk or max(len(entries), 1)
    for begin in range(0, len(entries), size):
        yield entries[begin : begin + size]
