"""How a message says what its fields are: kinds, lengths, and the version each exists from.

A message is a dataclass; the annotation of a field gives its kind and cardinality, and :func:`about` adds what an
annotation cannot say. :func:`describe` reads both into :class:`FieldInfo` rows, from which every binding, the service
descriptions and the command line are derived. Nothing here knows XML.
"""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from ocpp_soap.messages.versions import Version

_KEY = "ocpp"
_DESCRIBED: dict[type[Any], tuple[FieldInfo, ...]] = {}


class Choice(str, Enum):
    """A closed list of values in the specification's spelling; a member may exist from version 1.5 only.

    A field annotated ``SomeChoice | str`` holds a member wherever the value is one, and the raw text where a peer
    sent a value of its own.
    """

    since: Version

    def __new__(cls, value: str, since: Version = Version.V12) -> Choice:  # noqa: D102
        member = str.__new__(cls, value)
        member._value_ = value
        member.since = since
        return member

    def __str__(self) -> str:
        return str(self.value)


class Kind(Enum):
    """What the value of a field is."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    CHOICE = "choice"
    RECORD = "record"


@dataclass(frozen=True)
class Text:
    """A string type that the 1.5 schema names: IdToken and the strings of BootNotification (15 §3.8, §7)."""

    name: str
    max_length: int
    max_length_12: int | None = None


@dataclass(frozen=True)
class _About:
    since: Version = Version.V12
    required_since: Version | None = None
    text: Text | None = None
    max_length: int | None = None
    least: int | None = None
    uri: bool = False
    attribute: bool = False
    content: bool = False
    if_missing: Any = None
    help: str = ""


def about(
    *,
    since: Version = Version.V12,
    required_since: Version | None = None,
    text: Text | None = None,
    max_length: int | None = None,
    least: int | None = None,
    uri: bool = False,
    attribute: bool = False,
    content: bool = False,
    if_missing: Any = None,
    help: str = "",
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
) -> Any:
    """A dataclass field with what the specification says of it.

    ``since``: first version that has the field. ``required_since``: optional before that version, mandatory from it.
    ``text``: the named string type of the 1.5 schema. ``max_length``, ``least`` (of a number): limits that stand in the
    text only.
    ``uri``: the string is a URI. ``attribute``/``content``: the field qualifies the value that ``content`` holds,
    as the five properties of a meter value do. ``if_missing``: what a lenient reader takes for a missing mandatory
    value. ``help``: one line for people, with the unit.
    """
    row = _About(since, required_since, text, max_length, least, uri, attribute, content, if_missing, help)
    if default is not dataclasses.MISSING:
        return field(default=default, metadata={_KEY: row})
    if default_factory is not dataclasses.MISSING:
        return field(default_factory=default_factory, metadata={_KEY: row})
    return field(metadata={_KEY: row})


@dataclass(frozen=True)
class FieldInfo:
    """One field of a message, read from the dataclass.

    ``name`` is the Python name, ``wire_name`` the specification's (lowerCamelCase); ``type`` is the Choice or the
    record class for those kinds, else None; ``many`` a list; ``optional`` may be absent in both versions.
    """

    name: str
    wire_name: str
    kind: Kind
    type: type[Any] | None
    many: bool
    optional: bool
    since: Version
    required_since: Version | None
    text: Text | None
    max_length: int | None
    least: int | None
    uri: bool
    attribute: bool
    content: bool
    if_missing: Any
    help: str

    def required_in(self, version: Version) -> bool:
        """Tell whether a message of ``version`` must hold the field (a list is never required)."""
        if self.required_since is not None:
            return version.has(self.required_since)
        return not self.optional and not self.many

    def limit_in(self, version: Version) -> int | None:
        """The longest text allowed in ``version``, whether the schema or only the text says so; None: no limit."""
        if self.text is None:
            return self.max_length
        if version is Version.V12 and self.text.max_length_12 is not None:
            return self.text.max_length_12
        return self.text.max_length


def wire_name(name: str) -> str:
    """``charge_point_vendor`` → ``chargePointVendor``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def describe(record: type[Any]) -> tuple[FieldInfo, ...]:
    """The fields of a message or of a part of one, in the order of the wire."""
    known = _DESCRIBED.get(record)
    if known is None:
        hints = get_type_hints(record)
        known = _DESCRIBED[record] = tuple(_field_info(f, hints[f.name]) for f in dataclasses.fields(record))
    return known


def without_default(record: type[Any]) -> tuple[str, ...]:
    """The names of the fields without which a record cannot be made, in their order."""
    missing = dataclasses.MISSING
    return tuple(f.name for f in dataclasses.fields(record) if f.default is missing and f.default_factory is missing)


def fields_in(record: type[Any], version: Version) -> tuple[FieldInfo, ...]:
    """The fields that ``record`` has in ``version``, in the order of the wire."""
    return tuple(info for info in describe(record) if version.has(info.since))


def limit_of(record: type[Any], name: str, version: Version) -> int:
    """How long a text may be in the field ``name`` of a message. Raises ValueError for one without a limit."""
    limit = next((info.limit_in(version) for info in describe(record) if info.name == name), None)
    if limit is None:
        raise ValueError(f"{record.__name__} has no field {name} with a limit")
    return limit


def _field_info(f: dataclasses.Field[Any], hint: Any) -> FieldInfo:
    row: _About = f.metadata.get(_KEY, _About())
    many = get_origin(hint) is list
    alternatives = _alternatives(get_args(hint)[0] if many else hint)
    optional = types.NoneType in alternatives
    kind, type_ = _kind(alternatives)
    return FieldInfo(
        f.name, wire_name(f.name.rstrip("_")), kind, type_, many, optional, row.since, row.required_since, row.text,
        row.max_length, row.least, row.uri, row.attribute, row.content, row.if_missing, row.help,
    )  # fmt: skip


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _kind(alternatives: tuple[Any, ...]) -> tuple[Kind, type[Any] | None]:
    for candidate in alternatives:
        if isinstance(candidate, type):
            if issubclass(candidate, Choice):
                return Kind.CHOICE, candidate
            if dataclasses.is_dataclass(candidate):
                return Kind.RECORD, candidate
    for candidate, kind in ((bool, Kind.BOOLEAN), (int, Kind.INTEGER), (datetime, Kind.TIME)):
        if candidate in alternatives:
            return kind, None
    return Kind.STRING, None
