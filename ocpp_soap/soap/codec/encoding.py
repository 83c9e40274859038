"""From a message to XML text: closures compiled once for each record and version, joining prepared tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any

from ocpp_soap.errors import InvalidMessage, NotSupportedInVersion
from ocpp_soap.messages import ACTIONS, Choice, FieldInfo, Kind, SampledValue, Version, describe, without_default
from ocpp_soap.soap.codec.meter_values import is_whole_number
from ocpp_soap.soap.codec.notes import shown
from ocpp_soap.soap.codec.reading import INT32
from ocpp_soap.soap.codec.times import format_time

Writer = Callable[[Any], str]

_SINCE = {record: action.since for action in ACTIONS for record in (action.request, action.response)}
_SPECIAL = re.compile(r"[^ !#-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]").search
_ILLEGAL = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]").search
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)
_IN_URL = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_URL = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*://(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{{2}})*@)?"
    rf"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?(?:[/?]{_IN_URL})?(?:#{_IN_URL})?"
).fullmatch

_MEANT_BY_12 = {
    "context": "Sample.Periodic",
    "format": "Raw",
    "measurand": "Energy.Active.Import.Register",
    "location": "Outlet",
    "unit": "Wh",
}

_writers: dict[tuple[type[Any], Version], Writer] = {}


def encode(message: Any, version: Version, *, element: str, namespace: str) -> str:
    """The XML text of ``message`` as one ``element``, with its namespace as the default one.

    Times go out in UTC with ``Z``. Raises NotSupportedInVersion for what ``version`` lacks, InvalidMessage for what
    the specification forbids: a wrong type, a text that is too long or not XML, an integer of more than 32 bits
    or below the least allowed, a time without zone.
    """
    return f'<{element} xmlns="{namespace}">{_writer(type(message), version)(message)}</{element}>'


def check(message: Any, version: Version) -> None:
    """Raise what :func:`encode` would raise."""
    _writer(type(message), version)(message)


def escape(text: str, where: str) -> str:
    """Text or attribute value as XML; InvalidMessage, naming ``where``, for characters that XML cannot hold."""
    if _SPECIAL(text) is None:
        return text
    if _ILLEGAL(text):
        raise InvalidMessage(f"{where}: {shown(text)} holds a character that XML cannot carry")
    return text.translate(_ESCAPES)


def _writer(record: type[Any], version: Version) -> Writer:
    writer = _writers.get((record, version))
    if writer is None:
        writer = _writers[record, version] = _compile(record, version)
    return writer


def _compile(record: type[Any], version: Version) -> Writer:
    if not is_dataclass(record):
        raise InvalidMessage(f"expected a message, got a {record.__name__}")
    if not version.has(_SINCE.get(record, Version.V12)):
        raise NotSupportedInVersion(f"{record.__name__} does not exist in OCPP {version}")
    filled = without_default(record)
    steps = [
        (
            info.name,
            info.many,
            info.required_in(version) or info.name in filled,
            _field_writer(info, version) if version.has(info.since) else None,
        )
        for info in describe(record)
    ]

    def write(message: Any) -> str:
        parts = []
        for name, many, is_required, write_field in steps:
            value = getattr(message, name)
            if value is None or (many and value == []):
                if is_required:
                    raise InvalidMessage(f"{record.__name__}.{name} is missing; OCPP {version} demands it")
            elif write_field is None:
                raise NotSupportedInVersion(f"{record.__name__}.{name} does not exist in OCPP {version}")
            else:
                parts.append(write_field(value))
        return "".join(parts)

    return write


def _field_writer(info: FieldInfo, version: Version) -> Writer:
    write_one = _element_writer(info, version)
    if not info.many:
        return write_one

    def write(values: Any) -> str:
        if not isinstance(values, list):
            raise _wrong(info, "a list", values)
        if info.type is SampledValue and version is Version.V12 and len(values) > 1:
            raise NotSupportedInVersion(f"{info.wire_name}: OCPP 1.2 has one value for each time, got {len(values)}")
        return "".join([write_one(value) for value in values])

    return write


def _element_writer(info: FieldInfo, version: Version) -> Writer:
    opening, closing = f"<{info.wire_name}>", f"</{info.wire_name}>"
    if info.type is SampledValue:
        return _write_integer_value if version is Version.V12 else _sampled_value_writer(info)
    if info.kind is Kind.RECORD and info.type is not None:
        record, write_record = info.type, _writer(info.type, version)

        def write_element(value: Any) -> str:
            if type(value) is not record:
                raise _wrong(info, record.__name__, value)
            return f"{opening}{write_record(value)}{closing}"

        return write_element
    write_text = text_writer(info, version)
    return lambda value: f"{opening}{write_text(value)}{closing}"


def _sampled_value_writer(info: FieldInfo) -> Writer:
    *attributes, _ = sorted(describe(SampledValue), key=lambda row: row.content)
    steps = [(row.name, text_writer(row, Version.V15)) for row in attributes]

    def write(sample: Any) -> str:
        if type(sample) is not SampledValue:
            raise _wrong(info, "SampledValue", sample)
        parts = ["<value"]
        for name, write_text in steps:
            value = getattr(sample, name)
            if value is not None:
                parts.append(f' {name}="{write_text(value)}"')
        if not isinstance(sample.value, str):
            raise _wrong(info, "a text", sample.value)
        parts.append(f">{escape(sample.value, 'value')}</value>")
        return "".join(parts)

    return write


def _write_integer_value(sample: Any) -> str:
    if type(sample) is not SampledValue or not isinstance(sample.value, str):
        raise InvalidMessage(f"value: expected a SampledValue of text, got {sample!r}")
    if not sample.value or not is_whole_number(sample.value):
        raise NotSupportedInVersion(f"value: OCPP 1.2 has whole numbers of Wh only, got {shown(sample.value)}")
    for name, meant in _MEANT_BY_12.items():
        value = getattr(sample, name)
        if value is not None and value != meant:
            raise NotSupportedInVersion(f"value: OCPP 1.2 cannot say that the {name} is {value}")
    return f"<value>{sample.value}</value>"


def text_writer(info: FieldInfo, version: Version) -> Writer:
    """The writer of one plain value, as escaped text."""
    if info.kind is Kind.STRING:
        return _string_writer(info, info.limit_in(version))
    if info.kind is Kind.CHOICE and info.type is not None:
        return _choice_writer(info, info.type, version)
    if info.kind is Kind.INTEGER:
        return _integer_writer(info)
    return _time_writer(info) if info.kind is Kind.TIME else _boolean_writer(info)


def _string_writer(info: FieldInfo, limit: int | None) -> Writer:
    where, is_uri = info.wire_name, info.uri

    def write(value: Any) -> str:
        if not isinstance(value, str):
            raise _wrong(info, "a text", value)
        if limit is not None and len(value) > limit:
            raise InvalidMessage(f"{where}: at most {limit} characters are allowed, got {len(value)}: {shown(value)}")
        if is_uri and not _URL(value):
            raise InvalidMessage(
                f"{where}: expected a URL like ftp://host/path, other characters written as %XX, got {shown(value)}"
            )
        return escape(value, where)

    return write


def _choice_writer(info: FieldInfo, choices: type[Choice], version: Version) -> Writer:
    since = {str(member.value): member.since for member in choices}
    texts = {value: value for value, first in since.items() if version.has(first)}

    def write(value: Any) -> str:
        text = texts.get(value) if isinstance(value, str) else None
        if text is None:
            if isinstance(value, str) and value in since:
                raise NotSupportedInVersion(f"{info.wire_name}: {value} does not exist in OCPP {version}")
            raise _wrong(info, f"one of {', '.join(texts)}", value)
        return text

    return write


def _integer_writer(info: FieldInfo) -> Writer:
    allowed = INT32 if info.least is None else range(info.least, INT32.stop)

    def write(value: Any) -> str:
        if type(value) is not int:
            raise _wrong(info, "an int", value)
        if value not in allowed:
            wrong = f"{value} is below {info.least}" if value in INT32 else f"{value} does not fit 32 bits"
            raise InvalidMessage(f"{info.wire_name}: {wrong}")
        return str(value)

    return write


def _time_writer(info: FieldInfo) -> Writer:
    def write(value: Any) -> str:
        if not isinstance(value, datetime):
            raise _wrong(info, "a datetime", value)
        try:
            return format_time(value)
        except InvalidMessage as error:
            raise InvalidMessage(f"{info.wire_name}: {error}") from None

    return write


def _boolean_writer(info: FieldInfo) -> Writer:
    def write(value: Any) -> str:
        if type(value) is not bool:
            raise _wrong(info, "a bool", value)
        return "true" if value else "false"

    return write


def _wrong(info: FieldInfo, expected: str, value: Any) -> InvalidMessage:
    return InvalidMessage(f"{info.wire_name}: expected {expected}, got {shown(str(value))} ({type(value).__name__})")
