"""Choosing stations by what is known of them: ``vendor=Acme``, ``label=berlin``, ``id=CP0*``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ocpp_soap.central_system.labels import Labels
from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.stations import Station, Stations

FIELDS = {
    "id": "charge_box_identity",
    "vendor": "vendor",
    "model": "model",
    "version": "version",
    "registration": "registration",
}
"""What can be asked for, and the field of a station that holds it."""

LABEL = "label"
"""What else can be asked for."""

NAMES = (*FIELDS, LABEL)
"""All that can be asked for."""


Conditions = Sequence[tuple[str, str]]
"""Fields and values. All are to be met, several of one field too."""


def read_conditions(conditions: Sequence[str]) -> Conditions:
    """The conditions ``field=value``. Raises ValueError that says what is wrong with one."""
    return [_read(condition) for condition in conditions]


def select_stations(stations: Stations, labels: Labels, conditions: Conditions) -> Iterator[Station]:
    """The stations that meet every condition, by identity; in a value ``*`` stands for any text, but not in a label.

    Without a condition on ``registration``, only accepted ones.
    """
    wanted = [(name, value) for name, value in conditions if name != LABEL]
    if not any(name == "registration" for name, _ in wanted):
        wanted.append(("registration", "accepted"))
    asked_labels = [value for name, value in conditions if name == LABEL]
    patterns = [(FIELDS[name], _pattern(value)) for name, value in wanted]
    for station in _labelled(stations, labels, asked_labels) if asked_labels else _every(stations, wanted):
        if all(fnmatchcase(getattr(station, field) or "", pattern) for field, pattern in patterns):
            yield station


def _read(condition: str) -> tuple[str, str]:
    name, equals, value = condition.partition("=")
    if not equals or name not in NAMES:
        raise ValueError(f"{condition!r}: expected FIELD=VALUE with one of {', '.join(NAMES)}, like vendor=Acme")
    return name, value


def _pattern(value: str) -> str:
    """What ``fnmatchcase`` matches with ``*`` as its only wildcard."""
    return re.sub(r"[\[?]", r"[\g<0>]", value)


def _labelled(stations: Stations, labels: Labels, asked: Sequence[str]) -> Iterator[Station]:
    """The stations that have all of the labels."""
    first, *others = asked
    having = [set(labels.stations(label)) for label in others]
    for identity in labels.stations(first):
        station = stations.get(identity) if all(identity in found for found in having) else None
        if station is not None:
            yield station


def _every(stations: Stations, wanted: Conditions) -> Iterator[Station]:
    """All stations, or those of one vendor or registration, as far as an index finds them."""
    exact = {name: value for name, value in wanted if "*" not in value}
    return every(stations.list, vendor=exact.get("vendor"), registration=exact.get("registration"))
