"""From an XML element to a message: one pass over the children, by closures compiled once for each record.

Children are known by their qualified name; only a name that is not exactly right takes the slower way round, which
forgives the namespace, a capital first letter, and the names that 1.6 and some stations use for meter values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import (
    FieldInfo,
    Kind,
    MeterValue,
    MeterValuesRequest,
    Role,
    SampledValue,
    TransactionData,
    Version,
    describe,
    without_default,
)
from ocpp_soap.soap.codec.meter_values import (
    meter_value_reader,
    names_a_value,
    sampled_value_reader,
    transaction_data_reader,
)
from ocpp_soap.soap.codec.names import body_name, local_name
from ocpp_soap.soap.codec.notes import ABSENT, note, note_unread, shown
from ocpp_soap.soap.codec.reading import Element, ElementReader, Warnings, emptiness, text_within, value_reader
from ocpp_soap.soap.namespaces import role_and_version, service_namespace

_OTHER_NAMES: dict[type[Any], dict[str, str]] = {
    MeterValuesRequest: {"meterValue": "values"},
    TransactionData: {"meterValue": "values"},
    MeterValue: {"sampledValue": "value", "values": "value"},
}
"""What 1.6 calls meter values, and stations of 1.5 that nest ``values`` in ``values``."""

_HOLDING_VALUES = {MeterValuesRequest: "values", TransactionData: "values", MeterValue: "value"}
"""The records that report energy, and the field in which they do: whatever else is in them may be a value."""

_WHAT = {
    Kind.STRING: "a text",
    Kind.INTEGER: "a whole number",
    Kind.BOOLEAN: "true or false",
    Kind.TIME: "a time",
    Kind.CHOICE: "one of its values",
    Kind.RECORD: "an element with content",
}


class _Slot(NamedTuple):
    position: int
    name: str
    read: ElementReader
    many: bool
    info: FieldInfo


_Finder = Callable[[Element, Warnings], "_Slot | None"]

_readers: dict[tuple[type[Any], Version, str], ElementReader] = {}
_direct: dict[tuple[type[Any], Version, str], ElementReader] = {}
"""The readers by the right names of their elements, to which no message can add."""


def decode(record: type[Any], element: Element, version: Version, warnings: Warnings) -> Any:
    """Read the children of ``element`` as a ``record``, appending to ``warnings`` what had to be forgiven.

    The shape decides where it differs from the version: a field, choice or meter value that only the other version
    has is understood. Raises ProtocolError, naming the element, where a mandatory value is missing or cannot be its
    type.
    """
    reader = _direct.get((record, version, element.tag))
    if reader is None:
        namespace = _service_namespace_of(element, version)
        reader = _reader(record, version, namespace)
        if element.tag == f"{{{namespace}}}{body_name(record)}":
            _direct[record, version, element.tag] = reader
    return reader(element, warnings)


def _reader(record: type[Any], version: Version, namespace: str) -> ElementReader:
    key = (record, version, namespace)
    reader = _readers.get(key)
    if reader is None:
        reader = _readers[key] = _compile(record, version, namespace)
    return reader


def _service_namespace_of(element: Element, version: Version) -> str:
    for candidate in (element, next(iter(element), element)):
        namespace = candidate.tag.rpartition("}")[0][1:] if isinstance(candidate.tag, str) else ""
        if role_and_version(namespace) is not None:
            return namespace
    return service_namespace(Role.CENTRAL_SYSTEM, version)


def _compile(record: type[Any], version: Version, namespace: str) -> ElementReader:
    if record is SampledValue:
        return sampled_value_reader(version)
    read = _record_reader(record, version, namespace)
    if record is MeterValue:
        return meter_value_reader(namespace, version, read)
    if record is TransactionData:
        return transaction_data_reader(read, _reader(MeterValue, version, namespace))
    return read


def _record_reader(record: type[Any], version: Version, namespace: str) -> ElementReader:
    slots = {
        info.wire_name: _Slot(position, info.name, _field_reader(info, version, namespace), info.many, info)
        for position, info in enumerate(describe(record))
    }
    by_tag = {f"{{{namespace}}}{name}": slot for name, slot in slots.items() if version.has(slot.info.since)}
    find = _finder(record, version, namespace, slots)
    given = without_default(record)
    wanted = {info.name: info for info in describe(record) if info.required_in(version) or info.name in given}
    names = frozenset(wanted)
    holding = _HOLDING_VALUES.get(record)

    def read(element: Element, warnings: Warnings) -> Any:
        values: dict[str, Any] = {}
        last = -1
        for child in element:
            slot = by_tag.get(child.tag) or find(child, warnings)
            if slot is None:
                continue
            position, name, read_field, many, info = slot
            if position < last:
                note(warnings, "order", info.wire_name)
            last = position
            value = read_field(child, warnings)
            if value is ABSENT:
                continue
            if name not in values:
                values[name] = [value] if many else value
            elif many:
                values[name].append(value)
            else:
                _repeated(info, values[name], value, warnings)
        if holding is not None and holding not in values:
            _note_instead(element, warnings)
        if not names <= values.keys():
            for name in names - values.keys():
                _complete(values, wanted[name], record, warnings)
        return record(**values)

    return read


def _field_reader(info: FieldInfo, version: Version, namespace: str) -> ElementReader:
    if info.kind is not Kind.RECORD or info.type is None:
        return value_reader(info, version)
    read_record = _reader(info.type, version, namespace)
    if info.type is SampledValue or not any(row.required_in(version) for row in describe(info.type)):
        return read_record

    def read(element: Element, warnings: Warnings) -> Any:
        if len(element):
            return read_record(element, warnings)
        if info.type in _HOLDING_VALUES:
            _note_instead(element, warnings)
        note(warnings, emptiness(element), info.wire_name)
        return ABSENT

    return read


def _finder(record: type[Any], version: Version, namespace: str, slots: dict[str, _Slot]) -> _Finder:
    other_names = _OTHER_NAMES.get(record, {})

    def find(child: Element, warnings: Warnings) -> _Slot | None:
        """The field that an element must mean whose name is not exactly right."""
        if not isinstance(child.tag, str):
            return None
        own = child.tag.rpartition("}")[2]
        name = local_name(own)
        slot = slots.get(other_names.get(name, name))
        if slot is None:
            text = text_within(child)
            if text and (record in _HOLDING_VALUES or names_a_value(child)):
                note_unread(warnings, own, text)
            else:
                note(warnings, "unknown_element", own)
            return None
        if name in other_names:
            note(warnings, "sampled_value_shape", own)
        if name != own:
            note(warnings, "odd_case", own)
        if child.tag != f"{{{namespace}}}{own}":
            note(warnings, "namespace", own, child.tag)
        if not version.has(slot.info.since):
            note(warnings, "not_in_version", own)
        return slot

    return find


def _note_instead(element: Element, warnings: Warnings) -> None:
    """Tell of the text and the attributes, which have no namespace in OCPP, of an element that holds no values."""
    strays = [element.text or "", *(str(sent) for key, sent in element.items() if ":" not in str(key))]
    text = " ".join(" ".join([*strays, *(child.tail or "" for child in element)]).split())
    if text:
        note_unread(warnings, local_name(element.tag), text)


def _complete(values: dict[str, Any], info: FieldInfo, record: type[Any], warnings: Warnings) -> None:
    """Fill in a value that the message should hold, or raise ProtocolError."""
    if info.many:
        values[info.name] = []
    elif info.if_missing is not None:
        values[info.name] = info.if_missing
    elif info.name in without_default(record):
        expected = _WHAT[info.kind]
        raise ProtocolError(f"{info.wire_name} is missing or empty; expected {expected}", kind="missing")
    note(warnings, "missing", info.wire_name)


def _repeated(info: FieldInfo, first: Any, second: Any, warnings: Warnings) -> None:
    if first != second:
        both = f"{shown(str(first))} and {shown(str(second))}"
        raise ProtocolError(f"{info.wire_name} is there twice, as {both}", kind="repeated")
    note(warnings, "repeated", info.wire_name)
