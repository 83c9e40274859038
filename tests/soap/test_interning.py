"""Memory does not grow with the names that peers make up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from lxml import etree

from ocpp_soap.soap.interning import forget_names
from ocpp_soap.soap.parsing import parse

NAMES = 5_000


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def parse_new_names(first: int, count: int) -> None:
    for number in range(first, first + count):
        parse(("<a>" + "".join(f"<n{number}_{place}/>" for place in range(NAMES)) + "</a>").encode(), [])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_stays_when_every_message_has_new_names():
    def run():
        parse_new_names(0, 20)
        before = resident()
        parse_new_names(20, 100)
        growth.append(resident() - before)

    growth: list[float] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert growth[0] < 5, "500,000 names took that many MiB"


def test_documents_in_use_keep_their_names():
    first = parse(b"<one><two three='3'/></one>", [])
    parse(b"<four/>", [])
    forget_names()
    assert etree.tostring(first) == b'<one><two three="3"/></one>'
    assert first[0].tag == "two"
