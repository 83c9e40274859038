"""Values of a scenario file, which are read as they are written, and the fields of messages.

``0060`` is that text where the field is a text, and what YAML makes of it where the field is anything else.
"""

from __future__ import annotations

from typing import Any

from ocpp_soap.charge_point.documents import from_document
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import FieldInfo, Kind, describe, without_default
from ocpp_soap.yaml_files import as_meant


def value_at(message: Any, path: str) -> Any:
    """The value of ``id_tag_info.status`` in a message; a list's items by number. Raises ConfigurationError.

    None also where an optional field before it is missing, or where a list has fewer items.
    """
    value = message
    for part in path.split("."):
        if value is None:
            return None
        try:
            value = dict(enumerate(value)).get(int(part)) if isinstance(value, list) else getattr(value, part)
        except (AttributeError, ValueError) as error:
            raise ConfigurationError(f"{path}: {type(message).__name__} has no such field") from error
    return value


def differs(message: Any, fields: dict[str, Any]) -> str:
    """The first field whose value is another than expected, as a sentence; empty: all are as expected.

    ``"*"`` expects any value, None that there is none.
    """
    for path, expected in fields.items():
        found = value_at(message, path)
        if expected == "*" and found is not None:
            continue
        meant = expected if isinstance(found, str) else as_meant(expected)
        same = found is None if expected is None else found is not None and _text(found) == _text(meant)
        if not same:
            return f"{path} is {_text(found)}, expected {expected}"
    return ""


def message_of(record: type[Any], fields: dict[str, Any]) -> Any:
    """The message of class ``record`` with these fields. Raises ConfigurationError if it has others, or needs more."""
    return from_document(record, _meant_fields(record, fields))


def _meant_fields(record: type[Any], fields: dict[str, Any]) -> dict[str, Any]:
    known = [info.name for info in describe(record)]
    for name in fields:
        if name not in known:
            raise ConfigurationError(f"{name}: {record.__name__} has no such field; expected {', '.join(known)}")
    for name in without_default(record):
        if name not in fields:
            raise ConfigurationError(f"{name}: {record.__name__} cannot be without it")
    return {info.name: _meant_value(info, fields[info.name]) for info in describe(record) if info.name in fields}


def _meant_value(info: FieldInfo, written: Any) -> Any:
    if isinstance(written, list):
        return [_meant_value(info, item) for item in written]
    if isinstance(written, dict) and info.type is not None:
        return _meant_fields(info.type, written)
    return written if info.kind in (Kind.STRING, Kind.CHOICE) else as_meant(written)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
