"""Bodies as text for people, however they are coded."""

from __future__ import annotations

import pytest

from ocpp_soap.soap.charsets import text_of

XML = "<a>Straße</a>"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (XML.encode(), ""),
        (XML.encode("iso-8859-1"), "ISO-8859-1"),
        (XML.encode("utf-16"), ""),
        (XML.encode("utf-16"), "utf-8"),
        (XML.encode("utf-16-le"), ""),
        (XML.encode("utf-16-be"), "utf-16"),
        (b"\xef\xbb\xbf" + XML.encode(), "iso-8859-1"),
        (XML.encode(), "x-user-defined"),
        (XML.encode(), "no-such-charset"),
    ],
)
def test_the_beginning_counts_then_http_where_it_names_an_encoding_that_is_known(data: bytes, charset: str) -> None:
    assert text_of(data, charset) == XML


def test_a_declaration_counts_more_than_http() -> None:
    declared = f'<?xml version="1.0" encoding="windows-1252"?>{XML}'
    assert text_of(declared.encode("windows-1252"), "utf-8") == declared


def test_utf_8_that_calls_itself_utf_16_is_read_as_utf_8() -> None:
    declared = f'<?xml version="1.0" encoding="utf-16"?>{XML}'
    assert text_of(declared.encode(), "utf-8") == declared
    assert text_of(declared.encode(), "") == declared


def test_what_is_no_text_is_replaced() -> None:
    assert text_of(b"<a>\xff</a>") == "<a>\N{REPLACEMENT CHARACTER}</a>"
