"""Readers of single values: an element or an attribute's text becomes a str, int, bool, datetime or Choice, leniently.

:func:`value_reader` makes the reader of one field; nothing is looked up while a message is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import Choice, FieldInfo, Kind, Version
from ocpp_soap.soap import namespaces
from ocpp_soap.soap.codec.notes import ABSENT, note, shown
from ocpp_soap.soap.codec.times import parse_time, plain_time

Element = etree._Element
Warnings = list[MessageWarning]
ElementReader = Callable[[Element, Warnings], Any]
TextReader = Callable[[str, Warnings], Any]

SPACE = " \t\r\n"
LONGEST_NAME = 255
INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)

_PLAIN_INTEGER = re.compile(r"-?[0-9]{1,9}").fullmatch
_ODD_INTEGER = re.compile(r"([+-]?[0-9]{1,19})(?:\.(0*))?").fullmatch
_FRACTION = re.compile(r"[+-]?[0-9]{1,19}\.[0-9]{1,19}").fullmatch
_ENERGIES = ("meter_start", "meter_stop")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NIL = f"{{{namespaces.XSI}}}nil"
_UNDECLARED_NIL = "xsi:nil"


def value_reader(info: FieldInfo, version: Version) -> ElementReader:
    """The reader of a field that is no record; it returns ABSENT for an element that says nothing."""
    if info.kind is Kind.STRING:
        return _string_reader(info, version)
    parse, plain = text_reader(info, version), _plain_reader(info, version)
    where = info.wire_name

    def read(element: Element, warnings: Warnings) -> Any:
        text = element.text
        if text is not None and not len(element):
            value = plain(text)
            if value is not None:
                return value
        text = text_of(element, where, warnings).strip(SPACE)
        if not text:
            note(warnings, emptiness(element), where)
            return ABSENT
        return parse(text, warnings)

    return read


def _plain_reader(info: FieldInfo, version: Version) -> Callable[[str], Any]:
    """What reads a text that is written as it should be, and gives None for every other."""
    if info.kind is Kind.CHOICE and info.type is not None:
        return {str(member.value): member for member in info.type if version.has(member.since)}.get
    if info.kind is Kind.TIME:
        return plain_time
    return _BOOLEANS.get if info.kind is Kind.BOOLEAN else _plain_integer


def _plain_integer(text: str) -> int | None:
    return int(text) if _PLAIN_INTEGER(text) else None


def text_within(element: Element) -> str:
    """All text in an element, whatever it is made of, with single spaces."""
    return " ".join(" ".join(map(str, element.itertext())).split())


def text_of(element: Element, where: str, warnings: Warnings) -> str:
    """The whole text of an element, comments left out; markup that stands where text belongs is kept as text.

    Each element is copied for that: a copy declares the namespaces that it needs, not all that are in scope.
    """
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            note(warnings, "markup_in_text", where)
            parts.append(etree.tostring(copy(child), encoding="unicode"))
        else:
            parts.append(child.tail or "")
    return "".join(parts)


def emptiness(element: Element) -> str:
    """The kind of warning for an element that says nothing."""
    return "nil" if element.get(_NIL) or element.get(_UNDECLARED_NIL) else "empty"


def _string_reader(info: FieldInfo, version: Version) -> ElementReader:
    where, limit = info.wire_name, info.limit_in(version)
    is_name = info.uri or (limit or LONGEST_NAME + 1) <= LONGEST_NAME
    absent = ABSENT if is_name and (info.many or not info.required_in(version)) else ""

    def read(element: Element, warnings: Warnings) -> Any:
        text = element.text
        if text is None or len(element):
            text = text_of(element, where, warnings)
        if is_name:
            stripped = text.strip(SPACE)
            if len(stripped) != len(text):
                note(warnings, "surrounding_spaces", where, text)
                text = stripped
        if not text:
            if is_name or element.keys():
                note(warnings, emptiness(element), where)
            return absent
        if limit is not None and len(text) > limit:
            note(warnings, "too_long", where, text)
        return text

    return read


def text_reader(info: FieldInfo, version: Version) -> TextReader:
    """The reader of a stripped, non-empty text for a field that is no record."""
    where = info.wire_name
    if info.kind is Kind.CHOICE and info.type is not None:
        return _choice_reader(where, info.type, version)
    if info.kind is Kind.TIME:
        return _time_reader(where)
    if info.kind is Kind.BOOLEAN:
        return _boolean_reader(where)
    return _integer_reader(where, is_energy=info.name in _ENERGIES)


def _time_reader(where: str) -> TextReader:
    def read(text: str, warnings: Warnings) -> datetime:
        return parse_time(text, where, warnings)

    return read


def _integer_reader(where: str, *, is_energy: bool) -> TextReader:
    return lambda text, warnings: _odd_integer(text, where, warnings, is_energy=is_energy)


def _odd_integer(text: str, where: str, warnings: Warnings, *, is_energy: bool) -> int:
    match = _ODD_INTEGER(text)
    if match is not None:
        number = int(match[1])
        if match[2] is not None or text[0] == "+":
            note(warnings, "odd_integer", where, text)
    elif is_energy and _FRACTION(text):
        number = round(Decimal(text))
        note(warnings, "rounded", where, text)
    else:
        raise ProtocolError(f"{where}: expected a whole number, got {shown(text)}", kind="no_integer")
    if number not in INT64:
        raise ProtocolError(f"{where}: expected a whole number of 32 bits, got {shown(text)}", kind="out_of_range")
    if number not in INT32:
        note(warnings, "out_of_range", where, text)
    return number


def _boolean_reader(where: str) -> TextReader:
    def read(text: str, warnings: Warnings) -> bool:
        value = _BOOLEANS.get(text)
        if value is None:
            value = _BOOLEANS.get(text.lower())
            if value is None:
                raise ProtocolError(f"{where}: expected true or false, got {shown(text)}", kind="no_boolean")
            note(warnings, "odd_boolean", where, text)
        return value

    return read


def _choice_reader(where: str, choices: type[Choice], version: Version) -> TextReader:
    known = {member.value: member for member in choices if version.has(member.since)}
    folded: dict[str, Choice | None] = {}
    for member in choices:
        key = str(member.value).lower()
        folded[key] = None if key in folded else member

    def read(text: str, warnings: Warnings) -> Choice | str:
        member = known.get(text)
        if member is not None:
            return member
        member = folded.get(text.lower())
        if member is None:
            note(warnings, "unknown_choice", where, text)
            return text
        note(warnings, "not_in_version" if member.value == text else "odd_case", where, text)
        return member

    return read
