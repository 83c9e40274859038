"""Timestamps: xs:dateTime and what stations send in its place (15 §3.7)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import InvalidMessage, ProtocolError
from ocpp_soap.soap.codec.notes import note, shown

_LENGTHS_OF_PLAIN_TIMES = (20, 24)

_PLAIN_ZONE = re.compile(r"Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)").fullmatch
"""The zones of xs:dateTime."""

_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:(?P<gap>[Tt]| +)(?P<clock>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2})?(?:[.,](?P<fraction>[0-9]+))?)?"
    r" ?(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def plain_time(text: str) -> datetime | None:
    """The time that a text like ``2012-06-08T10:00:00Z`` or ``2012-06-08T10:00:00.000Z`` says, else None."""
    if len(text) in _LENGTHS_OF_PLAIN_TIMES and text[-1] == "Z" and text[10] == "T" and text[7] == "-":
        if text[13] != ":" or text[19] not in ".Z":  # what fromisoformat reads from Python 3.11 on
            return None
        try:
            return datetime.fromisoformat(text[:-1] + "+00:00")
        except ValueError:
            return None
    return None


def parse_time(text: str, where: str, warnings: list[MessageWarning]) -> datetime:
    """An aware datetime, in the zone that was sent, from any way to write one; without zone it is read as UTC.

    Raises ProtocolError, naming ``where``, for what is no time or lies outside the years 1 to 9999.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise _no_time(text, where)
    clock, second = match["clock"] or "00:00", match["second"] or ":00"
    midnight = clock == "24:00" and second == ":00" and not (match["fraction"] or "").strip("0")
    leap = second == ":60"
    try:
        moment = datetime.fromisoformat(
            f"{match['date']}T{'00:00' if midnight else clock}{':59' if leap else second}"
        ).replace(microsecond=int((match["fraction"] or "")[:6].ljust(6, "0")), tzinfo=_zone(match["zone"]))
        moment += timedelta(days=midnight, seconds=leap)
        moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise _no_time(text, where) from None
    for kind in _oddities(match, midnight, leap):
        note(warnings, kind, where, text)
    return moment


def _zone(text: str | None) -> timezone:
    if not text or text in "Zz":
        return timezone.utc
    size = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]) if len(text) > 3 else 0)
    return timezone(-size if text[0] == "-" else size)


def _oddities(match: re.Match[str], midnight: bool, leap: bool) -> list[str]:
    kinds = []
    if not match["zone"]:
        kinds.append("zoneless_time")
    if midnight:
        kinds.append("end_of_day_time")
    if len(match["fraction"] or "") > 6:
        kinds.append("long_fraction")
    is_plain = match["gap"] == "T" and not re.search("[ ,]", match[0]) and _PLAIN_ZONE(match["zone"] or "Z")
    if leap or not match["second"] or not is_plain:
        kinds.append("odd_time")
    return kinds


def _no_time(text: str, where: str) -> ProtocolError:
    return ProtocolError(f"{where}: expected a time like 2012-06-08T10:00:00Z, got {shown(text)}", kind="no_time")


class _Latest:
    """The time written last, and how: the heartbeats of a second are all answered with the same."""

    pair = (datetime.fromtimestamp(0, timezone.utc), "1970-01-01T00:00:00Z")


def format_time(value: datetime) -> str:
    """``2012-06-08T10:00:00Z``: UTC, with milliseconds or microseconds only where there are any.

    Raises InvalidMessage for a datetime without zone.
    """
    latest, text = _Latest.pair
    if value == latest:
        return text
    text = _formatted(value)
    _Latest.pair = value, text
    return text


def _formatted(value: datetime) -> str:
    if value.tzinfo is not timezone.utc:
        if value.utcoffset() is None:
            raise InvalidMessage(f"the time {value} has no zone; use an aware datetime, in UTC")
        try:
            value = value.astimezone(timezone.utc)
        except OverflowError:
            raise InvalidMessage(f"the time {value} cannot be expressed in UTC") from None
    if value.microsecond and not value.microsecond % 1000:
        return value.isoformat(timespec="milliseconds")[:-6] + "Z"
    return value.isoformat()[:-6] + "Z"
