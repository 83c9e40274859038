"""From bytes to an element tree: one safe parse, and a refusal in one sentence for what is not an envelope.

No DTD, no entity, no file and no network is ever touched; :mod:`.bounds` has the bounds of depth and number.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import Any

from lxml import etree

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import ProtocolError
from ocpp_soap.soap.charsets import CHARSETS, declared, told_by_beginning
from ocpp_soap.soap.codec.notes import note
from ocpp_soap.soap.interning import ENOUGH, forget_names

Element = Any

_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_UNDECLARED = int(etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE)
_XSI = re.compile(r"Namespace prefix xsi ").match
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_HTML = re.compile(rb"<(!doctype\s+)?html[\s>]", re.IGNORECASE)
_DTD = re.compile(rb"<!doctype\s", re.IGNORECASE)
_WIDE_BLANKS = re.compile(rb"(\xff\xfe|\xfe\xff)?(?:\0[ \t\r\n]|[ \t\r\n]\0)+")
_UTF_8 = ("", "utf-8", "utf8")
"""What an XML declaration says of UTF-8; empty: nothing, since that is the default."""
_LONGEST_HEAD = 65536
"""Bytes of an HTML page in which its title is looked for."""
_USUAL = tuple(
    f"<?xml version={quote}1.0{quote} encoding={quote}{name}{quote}{end}".encode()
    for quote in "\"'"
    for name in ("UTF-8", "utf-8")
    for end in ("?>", " ?>")
)
"""How most documents begin; the others need a closer look at how they are coded."""


def safe_parser(encoding: str | None = None, *, recover: bool = False) -> etree.XMLParser:
    """A parser that expands no entity and opens no file and no connection.

    ``collect_ids=False`` is left out on purpose: it makes libxml2 2.14 load external DTDs, local files included.
    """
    return etree.XMLParser(encoding=encoding, recover=recover, **_SAFE)


class _Own(threading.local):
    """A parser for each thread, and the bytes that the thread has parsed since its names were let go of."""

    def __init__(self) -> None:
        self.parser = safe_parser()
        self.parsed = 0


_own = _Own()


def parse(data: bytes, warnings: list[MessageWarning], charset: str = "") -> Element:
    """The root element of ``data``.

    Blank lines before the XML declaration, the NUL with which C ends a text, and the prefix xsi undeclared are forgiven
    with a warning. ``charset`` (of the HTTP Content-Type) counts only where the document does not name its own
    encoding, or cannot be in the one that it names: UTF-8 that calls itself UTF-16, as it is read too where ``charset``
    is none. What should be UTF-8 and is not, since a firmware copies Latin-1 texts into it, is read as that. Raises
    ProtocolError.
    """
    is_usual = data.startswith(_USUAL)
    encoding = None
    if not is_usual:
        if data.startswith(_BOM):
            charset = "utf-8"
        data = _without_leading_blanks(data, warnings)
        if not data:
            raise ProtocolError("The body is empty; expected a SOAP envelope.", kind="empty_body")
        encoding = _encoding(data, charset, warnings)
    try:
        root = etree.fromstring(data, safe_parser(encoding) if encoding else _own.parser)
    except (etree.XMLSyntaxError, LookupError) as error:
        if data.endswith(b"\0") and not told_by_beginning(data):
            note(warnings, "trailing_nuls", "Envelope")
            return parse(data.rstrip(b"\0"), warnings, charset)
        root = _parse_latin_1(data, warnings) if encoding is None else None
        if root is None:
            root = _parse_undeclared_prefix(data, encoding, warnings)
        if root is None:
            raise _not_xml(data, error) from None
    finally:
        _own.parsed += len(data)
        if _own.parsed >= ENOUGH:
            _forget_names()
    if not is_usual or b"!" in data:
        _check_document(root, data)
    return root


def _forget_names() -> None:
    forget_names()
    _own.parser = safe_parser()
    _own.parsed = 0


def _check_document(root: Element, data: bytes) -> None:
    """Raise ProtocolError for a DTD and for an encoding in which we could not count on ``<``."""
    docinfo = root.getroottree().docinfo
    if docinfo.internalDTD is not None or docinfo.externalDTD is not None:
        raise _html_page(_title(data)) if _HTML.match(data.lstrip(_BLANK)) else _dtd()
    if docinfo.encoding is not None and docinfo.encoding.lower() not in CHARSETS:
        raise ProtocolError("The encoding of the body is not supported; expected UTF-8.", kind="encoding")


def _without_leading_blanks(data: bytes, warnings: list[MessageWarning]) -> bytes:
    if data[:1] == b"<":
        return data
    wide = _WIDE_BLANKS.match(data)
    if wide is not None:
        note(warnings, "leading_blanks", "Envelope")
        return (wide[1] or b"") + data[wide.end() :]
    start = data[3:] if data.startswith(_BOM) else data
    stripped = start.lstrip(_BLANK)
    if len(stripped) != len(start):
        note(warnings, "leading_blanks", "Envelope")
        stripped = stripped.removeprefix(_BOM).lstrip(_BLANK)
    return stripped


def _encoding(data: bytes, charset: str, warnings: list[MessageWarning]) -> str | None:
    """The encoding in which to read ``data``; None: the parser finds out."""
    charset = charset.lower()
    if data[:2] == b"<?" and declared(data).startswith("utf-16"):
        note(warnings, "encoding", "Envelope", "utf-16")
        return "utf-8" if charset.startswith("utf-16") or charset not in CHARSETS else charset
    if b"\0" in data[:2] and b"?" not in data[:4] and (told := told_by_beginning(data)):
        # the parser finds that out only where an XML declaration begins so
        if charset not in (told, "utf-16"):
            note(warnings, "encoding", "Envelope", charset)
        return told
    if charset in ("", "utf-8") or charset not in CHARSETS or told_by_beginning(data) or declared(data):
        return None
    return charset


def _parse_latin_1(data: bytes, warnings: list[MessageWarning]) -> Element | None:
    """The root of what should be UTF-8 and holds texts in ISO-8859-1; None: it is something else."""
    if told_by_beginning(data) or declared(data) not in _UTF_8:
        return None
    with suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return None
    try:
        root = etree.fromstring(data, safe_parser("iso-8859-1"))
    except etree.XMLSyntaxError:
        return None
    note(warnings, "encoding", "Envelope", "utf-8")
    return root


def _parse_undeclared_prefix(data: bytes, encoding: str | None, warnings: list[MessageWarning]) -> Element | None:
    parser = safe_parser(encoding, recover=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, LookupError):
        return None
    if root is None or not all(entry.type == _UNDECLARED and _XSI(entry.message) for entry in parser.error_log):
        return None
    note(warnings, "undeclared_prefix", "Envelope")
    return root


def _not_xml(data: bytes, error: Exception) -> ProtocolError:
    if _HTML.search(data[:1024]):
        return _html_page(_title(data))
    if _DTD.search(data[:4096].replace(b"\0", b"")):
        return _dtd()
    line, column = getattr(error, "position", (0, 0))
    place = f" (line {line}, column {column})" if line else ""
    return ProtocolError(f"The body is not well-formed XML{place}; expected a SOAP envelope.", kind="not_xml")


def _dtd() -> ProtocolError:
    return ProtocolError("A document type declaration is not allowed in a SOAP message.", kind="dtd")


def html_root(root: Element) -> ProtocolError | None:
    """The refusal of an HTML page that is well-formed XML; None: the root is that of something else."""
    if _local(root) != "html":
        return None
    title = next((element.text for element in root.iter() if _local(element) == "title"), "")
    return _html_page(title or "")


def _local(element: Element) -> str:
    return str(element.tag.rpartition("}")[2].lower())


def _html_page(title: str) -> ProtocolError:
    """The refusal of an HTML page, such as a proxy's, of that title; empty: it has none."""
    named = f" titled {' '.join(title.split())[:100]!r}" if title.strip() else ""
    return ProtocolError(f"The body is an HTML page{named}; expected a SOAP envelope.", kind="html")


def _title(page: bytes) -> str:
    """What stands in the title of a page, which may be no well-formed XML; no regular expression, which could hang."""
    head = page[:_LONGEST_HEAD]
    lower = head.lower()
    tag = lower.find(b"<title")
    begin = lower.find(b">", tag) + 1
    end = lower.find(b"</title", begin)
    return head[begin:end].decode("utf-8", "replace") if tag >= 0 and begin and end >= 0 else ""
