"""Choosing stations by what is known of them: ``vendor=Acme``, ``model=…``, ``id=CP0*``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

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


def read_conditions(conditions: Sequence[str]) -> dict[str, str]:
    """The conditions ``field=value`` by field. Raises ValueError that says what is wrong with one."""
    found: dict[str, str] = {}
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not equals or name not in FIELDS:
            raise ValueError(f"{condition!r}: expected FIELD=VALUE with one of {', '.join(FIELDS)}, like vendor=Acme")
        found[name] = value
    return found


def select_stations(stations: Stations, conditions: dict[str, str]) -> Iterator[Station]:
    """The stations that meet every condition, by identity; in a value ``*`` stands for any text.

    Without a condition on ``registration``, only accepted ones.
    """
    wanted = {"registration": "accepted", **conditions}
    exact = {name: wanted[name] for name in ("vendor", "registration") if name in wanted and "*" not in wanted[name]}
    after = None
    while True:
        page = stations.list(
            vendor=exact.get("vendor"), registration=exact.get("registration"), limit=PAGE, after=after
        )
        for station in page.items:
            if all(fnmatchcase(getattr(station, FIELDS[name]) or "", value) for name, value in wanted.items()):
                yield station
        after = page.next
        if after is None:
            return
