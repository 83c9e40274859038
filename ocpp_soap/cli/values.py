"""Values on the command line: times, and records as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click

from ocpp_soap.messages import FieldInfo, Kind, describe

_OFFSET = re.compile(r"([+-])(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def time_option(value: str | datetime) -> datetime:
    """The ``type`` of an option that is a time: RFC 3339, ``now``, or an offset such as ``+1h``."""
    try:
        return value if isinstance(value, datetime) else parse_time(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def records_option(record: type[Any]) -> Callable[[str], list[Any]]:
    """The ``type`` of an option that is a JSON list of records, or ``@FILE`` with one."""

    def records(value: str) -> list[Any]:
        try:
            items = json.loads(Path(value[1:]).read_text(encoding="utf-8-sig") if value.startswith("@") else value)
            if not isinstance(items, list):
                raise ValueError("expected a JSON list")
            return [read_record(record, item) for item in items]
        except OSError as error:
            raise click.BadParameter(f"{value[1:]} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return records


def parse_time(text: str) -> datetime:
    """The time that ``text`` names; raises ValueError with a sentence."""
    try:
        time = _time(text)
    except OverflowError:
        raise ValueError(f"{text!r} is not within the years 1 to 9999 in UTC") from None
    if time is None:
        raise ValueError(f"{text!r} is no time; expected 2026-01-31T12:00:00Z, now, or an offset such as +1h or -30m")
    return time


def read_record(record: type[Any], value: Any) -> Any:
    """``value`` as decoded from JSON, as a ``record``; names in snake_case or as in the specification.

    Raises ValueError with a sentence that names the unknown, missing or wrong part.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{record.__name__}: expected a JSON object, not {value!r}")
    infos = {name: info for info in describe(record) for name in (info.name, info.wire_name)}
    unknown = [key for key in value if key not in infos]
    if unknown:
        names = ", ".join(info.wire_name for info in describe(record))
        raise ValueError(f"{record.__name__} has no {unknown[0]!r}; expected {names}")
    fields = {infos[key].name: _read(infos[key], item) for key, item in value.items() if item is not None}
    missing = [i.wire_name for i in describe(record) if not i.optional and not i.many and i.name not in fields]
    if missing:
        raise ValueError(f"{record.__name__}: {', '.join(missing)} is missing")
    return record(**fields)


def _read(info: FieldInfo, value: Any) -> Any:
    if info.many:
        if not isinstance(value, list):
            raise ValueError(f"{info.wire_name}: expected a list, not {value!r}")
        return [_read_one(info, item) for item in value]
    return _read_one(info, value)


def _read_one(info: FieldInfo, value: Any) -> Any:
    if info.kind is Kind.RECORD and info.type is not None:
        return read_record(info.type, value)
    if info.kind is Kind.CHOICE and info.type is not None:
        names = [str(choice) for choice in info.type]
        if value not in names:
            raise ValueError(f"{info.wire_name}: {value!r} is none of {', '.join(names)}")
        return info.type(value)
    if info.kind is Kind.TIME and isinstance(value, str):
        return parse_time(value)
    expected = {Kind.INTEGER: int, Kind.BOOLEAN: bool}.get(info.kind, str)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise ValueError(f"{info.wire_name}: expected {info.kind.value}, not {value!r}")
    return value


def _time(text: str) -> datetime | None:
    """The time in UTC; None for another text and for a time without its zone. Raises OverflowError."""
    offset = _OFFSET.fullmatch(text)
    if offset:
        sign, number, unit = offset.groups()
        delta = timedelta(**{_UNITS[unit]: int(number)})
        return _now() + (delta if sign == "+" else -delta)
    if text == "now":
        return _now()
    try:
        time = datetime.fromisoformat(_six_digits(text))
    except ValueError:
        return None
    return None if time.tzinfo is None else time.astimezone(timezone.utc)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _six_digits(text: str) -> str:
    """RFC 3339 in the form that Python 3.10 reads: an offset for Z, a fraction of six digits."""
    text = re.sub(r"[zZ]$", "+00:00", text)
    return re.sub(r"\.(\d+)", lambda fraction: "." + fraction[1][:6].ljust(6, "0"), text)
