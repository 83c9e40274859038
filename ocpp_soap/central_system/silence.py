"""Stations that have gone silent, and that are back: told as events, and kept while they last.

Every message is a sign of life (12 §4.5, 15 §4.6). A station is silent when nothing was heard for so many of its
heartbeat intervals: of the one that it has here or, if that is longer, that it was told last. Each search looks only at
the stations whose last message came to that age since the search before, so it costs little however many stations there
are. Once in an hour it looks at all that were not heard for so long: one of them may have been accepted, or been given
a shorter interval, only since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ocpp_soap.central_system.collections import CONTACTS, STATIONS
from ocpp_soap.central_system.contacts import LONGEST_DELAY
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import CONFIGURATIONS, SILENCES
from ocpp_soap.central_system.records import Listing, document_of, record_of, select
from ocpp_soap.central_system.stations import Registration
from ocpp_soap.storage.base import Document, Range, Storage

PAGE = 500
WHOLE = timedelta(hours=1)
"""How often a search looks at all stations that were not heard for long enough."""

OUTAGE = timedelta(minutes=1)
"""Time without a search in which nobody was there to hear stations: searches follow each other in seconds else."""

HEARTBEAT_INTERVAL = "heartbeatinterval"
"""The configuration key (12/15 §7), in lower case."""
_SECONDS = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A station that is silent; ``since`` is the time of its last message."""

    charge_box_identity: str
    since: datetime
    found_at: datetime


class Silences:
    """The silent stations. ``heartbeats`` is after how many intervals a station is silent, 0: never.

    ``heartbeat_interval`` in seconds is that of stations that have none of their own.
    """

    def __init__(self, store: Storage, events: Events, *, heartbeats: int, heartbeat_interval: int) -> None:
        self._store = store
        self._events = events
        self._heartbeats = heartbeats
        self._heartbeat_interval = heartbeat_interval

    def list(self, *, descending: bool = False, limit: int = 100, after: str | None = None) -> Listing[Silence]:
        """The silent stations, the longest silent first, or last if ``descending``."""
        return select(
            self._store,
            SILENCES,
            {},
            lambda d: record_of(Silence, d),
            order="since",
            descending=descending,
            limit=limit,
            after=after,
        )

    def search(self, mark: Document, at: datetime | None = None) -> Document:
        """Find the stations that have gone silent since the search that returned ``mark``; ``at``: now.

        After an outage of ours each gets as long to be heard again as it may be silent.
        """
        if not self._heartbeats:
            return mark
        now = at or datetime.now(timezone.utc)
        whole_at = mark.get("whole_at")
        is_whole = whole_at is None or abs(now - whole_at) >= WHOLE
        back_at = _back_at(mark, now)
        new: Document = {"whole_at": now if is_whole else whole_at, "searched_at": now, "back_at": back_at}
        for interval in {self._heartbeat_interval, *self._own_intervals()}:
            until = now - self._patience(interval)
            if back_at is not None and until < back_at <= now:
                if str(interval) in mark:
                    new[str(interval)] = mark[str(interval)]
                continue
            since = None if is_whole else mark.get(str(interval))
            for identity, last_seen, station in self._last_heard(since, until, interval):
                if last_seen < now - self._patience(self._told_interval(identity, station)):
                    self._gone(identity, last_seen, now)
            new[str(interval)] = until
        return new

    def heard(self, times: dict[str, datetime]) -> None:
        """Those of the stations that were silent are back."""
        if not self._store.find(SILENCES, limit=1).items:
            return
        for identity, stored in self._store.get_many(SILENCES, times).items():
            since = stored.document["since"]
            self._events.add(
                "station.back",
                identity,
                key=f"station.back:{identity}:{since.isoformat()}",
                silent_since=since,
                seconds=round((times[identity] - since).total_seconds()),
            )
            self._store.delete(SILENCES, identity)

    def _patience(self, interval: int) -> timedelta:
        return timedelta(seconds=self._heartbeats * interval + LONGEST_DELAY)

    def _told_interval(self, identity: str, station: Document) -> int:
        """The longer one of those that it was told at its boot and since then as a configuration key; 0: none."""
        known = self._store.get(CONFIGURATIONS, identity)
        told: int = station.get("told_interval") or 0
        booted_at = station.get("booted_at")
        for key, entry in (known.document.get("keys", {}) if known else {}).items():
            if key.lower() == HEARTBEAT_INTERVAL and (booted_at is None or entry["known_at"] > booted_at):
                value = entry.get("value") or ""
                told = max(told, int(value) if _SECONDS.fullmatch(value) else 0)
        return told

    def _own_intervals(self) -> Iterator[int]:
        """Each heartbeat interval that some station has for itself, once."""
        above = 1
        while True:
            page = self._store.find(STATIONS, {"heartbeat_interval": Range(above, None)}, limit=1)
            if not page.items:
                return
            interval: int = page.items[0].document["heartbeat_interval"]
            yield interval
            above = interval + 1

    def _last_heard(
        self, since: datetime | None, until: datetime, interval: int
    ) -> Iterator[tuple[str, datetime, Document]]:
        """The accepted stations of that interval whose last message came in that time, unless known as silent."""
        if since is not None and since >= until:
            return
        for page in self._store.find_pages(CONTACTS, {"last_seen": Range(since, until)}, limit=PAGE):
            heard = {item.key: item.document["last_seen"] for item in page.items}
            for name, silence in self._store.get_many(SILENCES, heard).items():
                if silence.document["since"] == heard[name]:
                    del heard[name]
            stations = self._store.get_many(STATIONS, heard)
            for name, last_seen in heard.items():
                if name in stations and self._concerns(stations[name].document, interval):
                    yield name, last_seen, stations[name].document

    def _concerns(self, station: dict[str, Any], interval: int) -> bool:
        own = station.get("heartbeat_interval") or self._heartbeat_interval
        return own == interval and station.get("registration") == Registration.ACCEPTED

    def _gone(self, identity: str, last_seen: datetime, now: datetime) -> None:
        key = f"station.silent:{identity}:{last_seen.isoformat()}"
        self._events.add("station.silent", identity, key=key, last_seen=last_seen)
        silence = Silence(charge_box_identity=identity, since=last_seen, found_at=now)
        self._store.put(SILENCES, {identity: document_of(silence)})


def _back_at(mark: Document, now: datetime) -> datetime | None:
    """When the last outage of ours ended."""
    searched_at: datetime | None = mark.get("searched_at")
    back_at: datetime | None = mark.get("back_at")
    return now if searched_at is not None and now - searched_at > OUTAGE else back_at
