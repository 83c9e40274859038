"""The payload of a command: the fields of its request as a plain document, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ocpp_soap.central_system.records import document_of
from ocpp_soap.errors import InvalidMessage
from ocpp_soap.messages import Action, FieldInfo, Kind, Role, Version, actions, describe, find_action
from ocpp_soap.soap.codec import check


def action_of(name: str) -> Action:
    """The action of a charge point of that name. Raises InvalidMessage, naming those that exist."""
    action = find_action(Role.CHARGE_POINT, name)
    if action is None:
        known = ", ".join(sorted(action.name for action in actions(Role.CHARGE_POINT)))
        raise InvalidMessage(f"{name!r} is no action of a charge point; expected one of {known}")
    return action


def payload_of(request: Any) -> dict[str, Any]:
    """The fields of a request by their names, those without a value left out."""
    return document_of(request)


def request_of(action: str, payload: Mapping[str, Any]) -> Any:
    """The request of ``action`` with those fields, named as here (``id_tag``) or on the wire (``idTag``).

    Times are aware datetimes or RFC 3339 texts. Raises InvalidMessage, naming the field that is unknown, missing,
    wrong, too long or out of range.
    """
    request = _record(action_of(action).request, payload, action)
    check(request, Version.V15)
    return request


def response_of(action: str, answer: Mapping[str, Any]) -> Any:
    """The response of ``action`` that a station answered; values that no specification knows stay as they came."""
    return _as_stored(action_of(action).response, answer)


def _as_stored(record: type[Any], document: Mapping[str, Any]) -> Any:
    fields = {}
    for info in describe(record):
        value = document.get(info.name)
        if value is None:
            continue
        if info.kind is Kind.RECORD and info.type is not None:
            part = info.type
            value = [_as_stored(part, item) for item in value] if info.many else _as_stored(part, value)
        elif info.kind is Kind.CHOICE and info.type is not None and value in [str(choice) for choice in info.type]:
            value = info.type(value)
        fields[info.name] = value
    return record(**fields)


def _record(record: type[Any], value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"{where}: expected an object with fields, not {value!r}")
    infos = {name: info for info in describe(record) for name in (info.name, info.wire_name)}
    for key in value:
        if key not in infos:
            names = ", ".join(info.name for info in describe(record)) or "no fields"
            raise InvalidMessage(f"{where} has no field {key!r}; expected {names}")
    found = {infos[key].name: _field(infos[key], item, where) for key, item in value.items() if item is not None}
    missing = [i.name for i in describe(record) if not i.optional and not i.many and i.name not in found]
    if missing:
        raise InvalidMessage(f"{where}: {', '.join(missing)} is missing")
    return record(**found)


def _field(info: FieldInfo, value: Any, where: str) -> Any:
    place = f"{where}.{info.name}"
    if not info.many:
        return _value(info, value, place)
    if not isinstance(value, (list, tuple)):
        raise InvalidMessage(f"{place}: expected a list, not {value!r}")
    return [_value(info, item, place) for item in value]


def _value(info: FieldInfo, value: Any, place: str) -> Any:
    if info.kind is Kind.RECORD and info.type is not None:
        return _record(info.type, value, place)
    if info.kind is Kind.CHOICE and info.type is not None:
        names = [str(choice) for choice in info.type]
        if value not in names:
            raise InvalidMessage(f"{place}: {value!r} is none of {', '.join(names)}")
        return info.type(value)
    if info.kind is Kind.TIME:
        return _time(value, place)
    expected = {Kind.INTEGER: int, Kind.BOOLEAN: bool}.get(info.kind, str)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise InvalidMessage(f"{place}: expected {info.kind.value}, not {value!r}")
    return value


def _time(value: Any, place: str) -> datetime:
    time: datetime | None = value if isinstance(value, datetime) else None
    if isinstance(value, str):
        text = re.sub(r"\.(\d+)", lambda digits: "." + digits[1][:6].ljust(6, "0"), re.sub("[zZ]$", "+00:00", value))
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
    if time is None or time.tzinfo is None:
        raise InvalidMessage(f"{place}: expected a time with its zone such as 2026-01-31T12:00:00Z, not {value!r}")
    return time
