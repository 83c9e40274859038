"""Content-Encoding gzip and deflate, as stations and what is between send them."""

from __future__ import annotations

import gzip
import zlib

import pytest

from ocpp_soap.soap.compression import CannotDecompress, TooLarge, decompress

BODY = b"<Envelope>" + b"x" * 1000 + b"</Envelope>"
HALF = len(BODY) // 2
MEMBERS = gzip.compress(BODY[:HALF]) + gzip.compress(BODY[HALF:])


def test_all_members_of_a_gzip_body_are_read() -> None:
    assert decompress(MEMBERS, "gzip", len(BODY)) == BODY


@pytest.mark.parametrize("name", ["utf-8", "UTF-8", "ISO-8859-1", "utf-8, gzip"])
def test_a_charset_in_the_place_of_a_coding_codes_nothing(name: str) -> None:
    assert decompress(gzip.compress(BODY) if "gzip" in name else BODY, name, len(BODY)) == BODY


def test_the_limit_is_one_for_all_members() -> None:
    with pytest.raises(TooLarge):
        decompress(MEMBERS, "gzip", len(BODY) - 1)


@pytest.mark.parametrize("name", ["gzip", "x-gzip"])
def test_what_follows_the_last_member_is_left_out(name: str) -> None:
    assert decompress(gzip.compress(BODY) + b"\0\0", name, len(BODY)) == BODY


@pytest.mark.parametrize(
    "cut", [MEMBERS[:-9], gzip.compress(BODY)[:-9], b""], ids=["in the second", "in the only one", "nothing"]
)
def test_a_member_that_is_cut_is_refused(cut: bytes) -> None:
    with pytest.raises(CannotDecompress, match="is not the gzip"):
        decompress(cut, "gzip", len(BODY))


def test_members_without_end_are_refused_at_once() -> None:
    with pytest.raises(CannotDecompress, match="more than 100 members"):
        decompress(gzip.compress(b"") * 50_000, "gzip", len(BODY))


def test_deflate_is_read_with_and_without_its_header() -> None:
    packer = zlib.compressobj(wbits=-15)
    assert decompress(zlib.compress(BODY), "deflate", len(BODY)) == BODY
    assert decompress(packer.compress(BODY) + packer.flush(), "deflate", len(BODY)) == BODY


def test_two_codings_are_undone_and_no_more() -> None:
    twice = gzip.compress(gzip.compress(BODY))
    assert decompress(twice, "gzip, identity, gzip", len(BODY)) == BODY
    with pytest.raises(CannotDecompress, match="names 3 codings; expected 2 at most"):
        decompress(gzip.compress(twice), "gzip,gzip,gzip", len(BODY))
