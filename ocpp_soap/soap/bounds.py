"""How large an envelope may be, looked at before and after its parse."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ocpp_soap.errors import ProtocolError
from ocpp_soap.soap.charsets import told_by_beginning

Element = Any

SHORT = 10_000
"""Bytes up to which nothing in an envelope can cost much."""
_MARKUP_OF_AN_ELEMENT = 3
"""``<`` for each element: a tag at both ends, and perhaps a comment or CDATA."""
_DECLARATION = b"xmlns"
_MOST_DECLARATIONS = 50
"""Namespaces that one element may declare."""
_LONGEST_NAMESPACE = 1_000
"""Bytes of a namespace."""
_MOST_ATTRIBUTES = 100
"""Attributes of one element, with the namespaces that it declares."""
_VALUE_OF_ATTRIBUTE = re.compile(rb"=\s*(\"[^\"]*\"|'[^']*')")
_USUAL_DEPTH = 8
_UNUSUALLY_DEEP = etree.XPath("/*" * (_USUAL_DEPTH + 1))
"""Told in a fraction of the time that more levels take."""
_TOO_DEEP: dict[int, etree.XPath] = {}
_COUNT = etree.XPath("count(//*)")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an envelope may be: levels of elements, elements, bytes of its Header, characters of an identity."""

    max_depth: int
    max_elements: int
    max_header: int
    max_identity: int


def check_markup(data: bytes, max_elements: int) -> None:
    """Raise ProtocolError for far more markup than ``max_elements`` elements need, before a tree is made of it.

    A tree takes up to 60 times the memory of its text. The same for an element that declares many namespaces: each that
    is in scope costs time at each element within; for a long one: each element within is named with all of it; and for
    an element with many attributes: lxml looks for each of them among all.
    """
    if data.count(b"<") > _MARKUP_OF_AN_ELEMENT * max_elements:
        raise ProtocolError(f"The message has more than {max_elements} elements.", kind="too_many_elements")
    tags = _as_utf_8(data).split(b"<")
    most = max(tag.count(_DECLARATION) for tag in tags)
    if most > _MOST_DECLARATIONS:
        raise ProtocolError(
            f"An element declares {most} namespaces; expected {_MOST_DECLARATIONS} at most.", kind="namespaces"
        )
    for tag in tags:
        if len(tag) > _LONGEST_NAMESPACE:
            _check_attributes(tag)


def _as_utf_8(data: bytes) -> bytes:
    """The bytes of an envelope in an encoding in which those of its markup stand for nothing else."""
    if b"\0" not in data:
        return data
    encoding = told_by_beginning(data) or ("utf-16be" if data[:1] == b"\0" else "utf-16le")
    return data.decode(encoding, "replace").encode("utf-8", "replace")


def _check_attributes(tag: bytes) -> None:
    """Raise ProtocolError for too many attributes or too long a namespace in a tag, behind which text may stand."""
    end = 0
    for number, value in enumerate(_VALUE_OF_ATTRIBUTE.finditer(tag), 1):
        name = tag[end : value.start()]
        if b">" in name:
            return
        if _DECLARATION in name and len(value[1]) - len("''") > _LONGEST_NAMESPACE:
            raise ProtocolError(f"A namespace is longer than {_LONGEST_NAMESPACE} bytes.", kind="namespaces")
        if number > _MOST_ATTRIBUTES:
            raise ProtocolError(f"An element has more than {_MOST_ATTRIBUTES} attributes.", kind="attributes")
        end = value.end()


def check_depth(root: Element, data: bytes, max_depth: int) -> None:
    """Raise ProtocolError for more than ``max_depth`` levels of elements."""
    if data.count(b"<") <= max_depth or (max_depth >= _USUAL_DEPTH and not _UNUSUALLY_DEEP(root)):
        return
    too_deep = _TOO_DEEP.get(max_depth)
    if too_deep is None:
        too_deep = _TOO_DEEP[max_depth] = etree.XPath("/*" * (max_depth + 1))
    if too_deep(root):
        raise ProtocolError(f"Elements are nested more than {max_depth} levels deep.", kind="too_deep")


def check_header(header: Element, max_header: int) -> None:
    """Raise ProtocolError for a Header of about more than ``max_header`` bytes: names, texts and attributes."""
    size = 0
    for element in header.iter():
        size += len(element.tag) + len(element.text or "") + len(element.tail or "")
        size += sum(len(name) + len(value) for name, value in element.items())
        if size > max_header:
            raise ProtocolError(f"The Header is longer than {max_header} bytes.", kind="header_too_large")


def check_elements(root: Element, data: bytes, max_elements: int) -> None:
    """Raise ProtocolError for more than ``max_elements`` elements."""
    if data.count(b"<") <= max_elements:
        return
    if int(_COUNT(root)) > max_elements:  # type: ignore[arg-type]
        raise ProtocolError(f"The message has more than {max_elements} elements.", kind="too_many_elements")
