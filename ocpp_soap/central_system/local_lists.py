"""The local authorisation list of each station kept equal to the table of tags (15 §5.8, §5.13).

What a station holds is known from what was sent to it and accepted, and only as long as it names the same version. Then
the difference is sent; else, and after a VersionMismatch, Failed or HashError, the whole list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.commands import CallStation
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import LOCAL_LISTS
from ocpp_soap.central_system.local_list import (
    Difference,
    ListState,
    LocalList,
    as_found,
    can_be_listed,
    difference,
    digest_of,
    entry_of,
    parts,
)
from ocpp_soap.central_system.records import Listing, document_of, every, fold, record_of, revise, select
from ocpp_soap.central_system.tags import Tag, Tags
from ocpp_soap.errors import NotSupportedInVersion
from ocpp_soap.messages import (
    AuthorisationData,
    GetLocalListVersionRequest,
    SendLocalListRequest,
    UpdateStatus,
    UpdateType,
)
from ocpp_soap.storage.base import Document, Storage

UNSUPPORTED_VERSION = -1


class LocalLists:
    """The lists of all stations."""

    def __init__(self, store: Storage, tags: Tags, events: Events, call: CallStation) -> None:
        self._store = store
        self._tags = tags
        self._events = events
        self._call = call

    def get(self, charge_box_identity: str) -> LocalList | None:
        """The list of a station as last known; None: it was never synchronised."""
        stored = self._store.get(LOCAL_LISTS, charge_box_identity)
        return None if stored is None else record_of(LocalList, stored.document)

    def list(self, *, state: str | None = None, limit: int = 100, after: str | None = None) -> Listing[LocalList]:
        """The lists in that state, by station."""
        where = {"state": state} if state else {}
        return select(self._store, LOCAL_LISTS, where, lambda d: record_of(LocalList, d), limit=limit, after=after)

    def difference(self, charge_box_identity: str) -> Difference:
        """What a synchronisation would change, judging by what is known."""
        known = self.get(charge_box_identity)
        return difference(known.entries if known else {}, self._wanted())

    def left_out(self) -> Sequence[str]:
        """The tags of the table that no list can hold, and that a synchronisation leaves out."""
        return [tag.id_tag for tag in self._current_tags() if not can_be_listed(tag.id_tag)]

    def sync(self, charge_box_identity: str, *, full: bool = False, chunk: int | None = None) -> LocalList:
        """Make the list of a station equal to the table of tags; ``full``: send all of it in any case.

        With ``chunk``, at most so many entries go into one message. Raises what the calls raise, CallFailed.
        """
        known = self.get(charge_box_identity) or LocalList(charge_box_identity=charge_box_identity)
        try:
            version: int = self._call(charge_box_identity, GetLocalListVersionRequest()).list_version
        except NotSupportedInVersion as error:
            return self._keep(replace(known, state=ListState.UNSUPPORTED.value, reason=str(error)))
        if version == UNSUPPORTED_VERSION:
            return self._unsupported(known)
        known, wanted = as_found(known, version), self._wanted()
        status: str | None = None
        update_type, change = UpdateType.DIFFERENTIAL, difference(known.entries, wanted)
        if known.state == ListState.IN_SYNC and not full:
            known, status = self._update(known, update_type, change.entries, chunk)
        if status not in (UpdateStatus.ACCEPTED, UpdateStatus.NOT_SUPPORTED):
            update_type, change = UpdateType.FULL, difference({}, wanted)
            known, status = self._update(known, update_type, change.entries, chunk)
        if status == UpdateStatus.ACCEPTED:
            return self._synced(known, update_type, change)
        if status == UpdateStatus.NOT_SUPPORTED:
            return self._unsupported(known)
        return self._keep(replace(known, state=ListState.FAILED.value, reason=f"the station answered {status}"))

    def learn(self, command: Command) -> None:
        """A SendLocalList that was a command of its own may have changed the list: the whole one is sent next."""
        if command.action != "SendLocalList" or command.status not in (None, UpdateStatus.ACCEPTED):
            return

        def unknown(document: Document) -> Document:
            known = record_of(LocalList, document)
            state = ListState.UNKNOWN.value
            return document_of(replace(known, state=state, entries={}, sent_version=None, sent_entries=None))

        revise(self._store, LOCAL_LISTS, command.charge_box_identity, unknown)

    def _update(
        self, known: LocalList, update_type: UpdateType, entries: Sequence[AuthorisationData], chunk: int | None
    ) -> tuple[LocalList, str]:
        """Send entries, the second and later messages as Differential; the list then, and the last status."""
        status: str = UpdateStatus.ACCEPTED
        for part in parts(entries, chunk, at_least_one=update_type is UpdateType.FULL):
            after = {} if update_type is UpdateType.FULL else dict(known.entries)
            for entry in part:
                after.pop(fold(entry.id_tag), None)
                if entry.id_tag_info is not None:
                    after[fold(entry.id_tag)] = digest_of(entry)
            known = self._keep(replace(known, sent_version=known.version + 1, sent_entries=after))
            request = SendLocalListRequest(
                update_type=update_type, list_version=known.version + 1, local_authorisation_list=list(part)
            )
            status = str(self._call(known.charge_box_identity, request).status)
            if status != UpdateStatus.ACCEPTED:
                return replace(known, sent_version=None, sent_entries=None), status
            known = replace(known, version=known.version + 1, entries=after, sent_version=None, sent_entries=None)
            update_type = UpdateType.DIFFERENTIAL
        return known, status

    def _wanted(self) -> dict[str, AuthorisationData]:
        """The entries of the list as it should be, by folded tag."""
        return {fold(tag.id_tag): entry_of(tag) for tag in self._current_tags() if can_be_listed(tag.id_tag)}

    def _current_tags(self) -> Iterator[Tag]:
        """The tags that have not expired."""
        now = datetime.now(timezone.utc)
        return (tag for tag in every(self._tags.list) if tag.expiry_date is None or tag.expiry_date > now)

    def _synced(self, known: LocalList, update_type: UpdateType, difference: Difference) -> LocalList:
        now = datetime.now(timezone.utc)
        if difference.entries or update_type is UpdateType.FULL:
            self._events.add(
                "list.synced",
                known.charge_box_identity,
                version=known.version,
                update_type=update_type.value,
                added=len(difference.added),
                changed=len(difference.changed),
                removed=len(difference.removed),
            )
        return self._keep(replace(known, state=ListState.IN_SYNC.value, synced_at=now, reason=""))

    def _unsupported(self, known: LocalList) -> LocalList:
        reason = "the station answered that it has no local authorisation list"
        return self._keep(replace(known, state=ListState.UNSUPPORTED.value, reason=reason))

    def _keep(self, known: LocalList) -> LocalList:
        self._store.put(LOCAL_LISTS, {known.charge_box_identity: document_of(known)})
        return known
