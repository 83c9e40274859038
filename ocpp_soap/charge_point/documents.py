"""Messages as plain documents and back, for what a station keeps on disk."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ocpp_soap.messages import Kind, describe


def to_document(message: Any) -> dict[str, Any]:
    """The fields of a message that are set, as a document that any storage can hold."""
    values = ((info.name, getattr(message, info.name)) for info in describe(type(message)))
    return {name: _plain(value) for name, value in values if value is not None}


def from_document(record: type[Any], document: dict[str, Any]) -> Any:
    """The message of class ``record`` that :func:`to_document` was given."""
    read = {}
    for info in describe(record):
        if info.name in document:
            value = document[info.name]
            read[info.name] = (
                [_read(info.kind, info.type, v) for v in value] if info.many else _read(info.kind, info.type, value)
            )
    return record(**read)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return to_document(value) if hasattr(value, "__dataclass_fields__") else value


def _read(kind: Kind, record: type[Any] | None, value: Any) -> Any:
    if record is None:
        return value
    if kind is Kind.RECORD:
        return from_document(record, value)
    known = {str(member.value): member for member in record}
    return known.get(value, value)
