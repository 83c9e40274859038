"""How large an envelope may be, looked at before and after its parse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree

from ocpp_soap.errors import ProtocolError

Element = Any

_MARKUP_OF_AN_ELEMENT = 3
"""``<`` for each element: a tag at both ends, and perhaps a comment or CDATA."""
_DECLARATION = b"xmlns"
_MOST_DECLARATIONS = 50
"""Namespaces that one element may declare."""
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
    is in scope costs time at each element within.
    """
    if data.count(b"<") > _MARKUP_OF_AN_ELEMENT * max_elements:
        raise ProtocolError(f"The message has more than {max_elements} elements.", kind="too_many_elements")
    text = data.replace(b"\0", b"")
    if text.count(_DECLARATION) > _MOST_DECLARATIONS:
        most = max(tag.count(_DECLARATION) for tag in text.split(b"<"))
        if most > _MOST_DECLARATIONS:
            raise ProtocolError(
                f"An element declares {most} namespaces; expected {_MOST_DECLARATIONS} at most.", kind="namespaces"
            )


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
