"""The one local authorisation list of a station (15 §3.3, §5.13; notes 6, 7.13 to 7.17).

It learns from the answers to Authorize, Start and Stop (1.2 calls that the white list) and is synchronised by
SendLocalList. Tags compare without regard to case.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime

from ocpp_soap.messages import AuthorisationData, AuthorizationStatus, IdTagInfo, UpdateStatus, UpdateType, Version
from ocpp_soap.soap.codec.reading import INT32


@dataclass(frozen=True, slots=True)
class ListEntry:
    """What the list holds of a tag; ``synchronised``: it came with SendLocalList, else it was learned."""

    id_tag: str
    info: IdTagInfo
    synchronised: bool


class LocalList:
    """``max_length`` limits the synchronised entries; learned ones make room for them and for newer ones."""

    def __init__(self, version: Version, max_length: int) -> None:
        self._version = version
        self._max_length = max_length
        self._entries: dict[str, ListEntry] = {}
        self.list_version = 0

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> list[ListEntry]:
        """All entries, the oldest first."""
        return list(self._entries.values())

    def find(self, id_tag: str, now: datetime) -> IdTagInfo | None:
        """What is listed of a tag; an entry leaves the list at its expiryDate (15 §7.19)."""
        entry = self._entries.get(id_tag.casefold())
        if entry is None:
            return None
        if entry.info.expiry_date is not None and entry.info.expiry_date <= now:
            del self._entries[id_tag.casefold()]
            return None
        return entry.info

    def learn(self, id_tag: str, info: IdTagInfo, *, from_stop: bool = False) -> None:
        """Take over what the central system said of a tag.

        ConcurrentTx is stored as Accepted. 1.2 keeps accepted tags only: any other status removes the entry, after
        a Stop ConcurrentTx as well (12 §4.9). An entry stays synchronised, and the list's version stays (notes 7.13).
        """
        key = id_tag.casefold()
        status = info.status
        if status == AuthorizationStatus.CONCURRENT_TX and not (from_stop and self._version is Version.V12):
            info = dataclasses.replace(info, status=AuthorizationStatus.ACCEPTED)
        if self._version is Version.V12 and info.status != AuthorizationStatus.ACCEPTED:
            self._entries.pop(key, None)
            return
        before = self._entries.pop(key, None)
        self._entries[key] = ListEntry(id_tag, info, before is not None and before.synchronised)
        self._make_room()

    def clear_learned(self) -> None:
        """Forget what was learned: the cache that ClearCache means."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.synchronised}

    def update(self, update_type: UpdateType, list_version: int, data: list[AuthorisationData]) -> UpdateStatus:
        """Replace or change the list, all or nothing (15 §5.13, notes 7.15).

        A version that no answer can tell is Failed.
        """
        if list_version not in INT32:
            return UpdateStatus.FAILED
        if update_type is UpdateType.DIFFERENTIAL and list_version <= self.list_version:
            return UpdateStatus.VERSION_MISMATCH
        entries = {} if update_type is UpdateType.FULL else dict(self._entries)
        for item in data:
            key = item.id_tag.casefold()
            if not key:
                return UpdateStatus.FAILED
            if item.id_tag_info is not None:
                entries.pop(key, None)
                entries[key] = ListEntry(item.id_tag, item.id_tag_info, synchronised=True)
            elif update_type is UpdateType.DIFFERENTIAL:
                entries.pop(key, None)
        if sum(entry.synchronised for entry in entries.values()) > self._max_length:
            return UpdateStatus.FAILED
        self.restore(list_version, list(entries.values()))
        return UpdateStatus.ACCEPTED

    def restore(self, list_version: int, entries: list[ListEntry]) -> None:
        """Make the list what it was, or what an update made of it."""
        self._entries = {entry.id_tag.casefold(): entry for entry in entries}
        self.list_version = list_version
        self._make_room()

    def _make_room(self) -> None:
        surplus = len(self._entries) - self._max_length
        if surplus > 0:
            for key in [key for key, entry in self._entries.items() if not entry.synchronised][:surplus]:
                del self._entries[key]
