"""Choosing stations by what is known of them: ``vendor=Acme``, ``label=berlin``, ``id=CP0*``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ocpp_soap.central_system.labels import Labels
from ocpp_soap.central_system.stations import Station, Stations

PAGE = 500
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


def read_conditions(conditions: Sequence[str]) -> dict[str, str]:
    """The conditions ``field=value`` by field. Raises ValueError that says what is wrong with one."""
    found: dict[str, str] = {}
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not equals or name not in NAMES:
            raise ValueError(f"{condition!r}: expected FIELD=VALUE with one of {', '.join(NAMES)}, like vendor=Acme")
        found[name] = value
    return found


def select_stations(stations: Stations, labels: Labels, conditions: dict[str, str]) -> Iterator[Station]:
    """The stations that meet every condition, by identity; in a value ``*`` stands for any text, but not in a label.

    Without a condition on ``registration``, only accepted ones.
    """
    wanted = {"registration": "accepted", **conditions}
    label = wanted.pop(LABEL, None)
    candidates = _every(stations, wanted) if label is None else _labelled(stations, labels, label)
    for station in candidates:
        if all(fnmatchcase(getattr(station, FIELDS[name]) or "", value) for name, value in wanted.items()):
            yield station


def _labelled(stations: Stations, labels: Labels, label: str) -> Iterator[Station]:
    found = (stations.get(identity) for identity in labels.stations(label))
    return (station for station in found if station is not None)


def _every(stations: Stations, wanted: dict[str, str]) -> Iterator[Station]:
    """All stations, or those of one vendor or registration, as far as an index finds them."""
    exact = {name: wanted[name] for name in ("vendor", "registration") if name in wanted and "*" not in wanted[name]}
    after = None
    while True:
        page = stations.list(
            vendor=exact.get("vendor"), registration=exact.get("registration"), limit=PAGE, after=after
        )
        yield from page.items
        after = page.next
        if after is None:
            return
