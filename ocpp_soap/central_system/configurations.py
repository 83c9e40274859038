"""The configuration of each station as last known, and how it differs from a template (15 §5.3, §5.6).

It is learned from the answers to the commands GetConfiguration and ChangeConfiguration, whoever gave them. A station
that speaks 1.2 cannot be read: of it only what was changed is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ocpp_soap.central_system.command_queue.record import Command, CommandState
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import CONFIGURATIONS
from ocpp_soap.central_system.masking import masked_setting
from ocpp_soap.central_system.records import Listing, document_of, record_of, revise, select
from ocpp_soap.errors import AlreadyExists
from ocpp_soap.messages import ConfigurationStatus
from ocpp_soap.storage.base import Document, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The last known keys of a station: ``{name: {"value": …, "readonly": …, "known_at": …}}``.

    ``unknown`` are the keys that it said it does not know, with the time; ``read_at`` is when all keys were read.
    """

    charge_box_identity: str
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown: dict[str, datetime] = field(default_factory=dict)
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """A key that differs from a template. ``value`` is the last known one, None: not known.

    ``obstacle`` says why it cannot be changed, as far as known.
    """

    key: str
    value: str | None
    wanted: str
    obstacle: str = ""


class Configurations:
    """The configurations of all stations."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store = store
        self._events = events

    def get(self, charge_box_identity: str) -> Configuration | None:
        """The last known configuration of a station, or None."""
        stored = self._store.get(CONFIGURATIONS, charge_box_identity)
        return None if stored is None else record_of(Configuration, stored.document)

    def difference(self, charge_box_identity: str, template: Mapping[str, str]) -> list[KeyDifference]:
        """The keys of the template whose value is not known to be the wanted one."""
        known = self.get(charge_box_identity) or Configuration(charge_box_identity=charge_box_identity)
        found = []
        for key, wanted in template.items():
            entry = known.keys.get(key, {})
            if entry.get("value") != wanted:
                found.append(KeyDifference(key, entry.get("value"), wanted, _obstacle(known, key)))
        return found

    def list(self, *, limit: int = 100, after: str | None = None) -> Listing[Configuration]:
        """The configurations, by station."""
        return select(self._store, CONFIGURATIONS, {}, lambda d: record_of(Configuration, d), limit=limit, after=after)

    def learn(self, command: Command) -> None:
        """Take what the answer to a command says of the configuration."""
        if command.state != CommandState.DONE or command.closed_at is None:
            return
        if command.action == "GetConfiguration":
            self._change(command, _read)
        elif command.action == "ChangeConfiguration":
            if command.status == ConfigurationStatus.ACCEPTED:
                self._events.add(
                    "configuration.changed",
                    command.charge_box_identity,
                    key=f"configuration:{command.command_id}",
                    name=command.payload["key"],
                    value=masked_setting(command.payload["key"], command.payload["value"]),
                )
            self._change(command, _changed)

    def _change(self, command: Command, change: Any) -> None:
        identity = command.charge_box_identity

        def changed(document: Document) -> Document:
            known = record_of(Configuration, document)
            return document_of(change(known, command, command.closed_at))

        while revise(self._store, CONFIGURATIONS, identity, changed) is None:
            try:
                self._store.create(CONFIGURATIONS, identity, {"charge_box_identity": identity})
            except AlreadyExists:
                continue


def _obstacle(known: Configuration, key: str) -> str:
    if known.keys.get(key, {}).get("readonly"):
        return "read-only"
    return "not known to the station" if key in known.unknown else ""


def _read(known: Configuration, command: Command, at: datetime) -> Configuration:
    answer = command.answer or {}
    entries = {
        entry["key"]: {"value": entry.get("value"), "readonly": entry.get("readonly", False), "known_at": at}
        for entry in answer.get("configuration_key", ())
    }
    after = _with(known, entries, dict.fromkeys(answer.get("unknown_key", ()), at))
    if command.payload.get("key"):
        return after
    keys = {key: entry for key, entry in after.keys.items() if entry["known_at"] >= at}
    return replace(after, keys=keys, read_at=at)


def _changed(known: Configuration, command: Command, at: datetime) -> Configuration:
    key, value = command.payload["key"], command.payload["value"]
    if command.status == ConfigurationStatus.NOT_SUPPORTED:
        return _with(known, {}, {key: at})
    if command.status != ConfigurationStatus.ACCEPTED:
        return known
    return _with(known, {key: {"value": value, "readonly": False, "known_at": at}}, {})


def _with(known: Configuration, entries: dict[str, dict[str, Any]], unknown: dict[str, datetime]) -> Configuration:
    """What is known after an answer; what was learned from a later one stays."""
    keys, gone = dict(known.keys), dict(known.unknown)
    for key, entry in entries.items():
        if key not in keys or keys[key]["known_at"] <= entry["known_at"]:
            keys[key] = entry
            gone.pop(key, None)
    for key, at in unknown.items():
        if key not in keys or keys[key]["known_at"] <= at:
            keys.pop(key, None)
            gone[key] = at
    return replace(known, keys=keys, unknown=gone)
