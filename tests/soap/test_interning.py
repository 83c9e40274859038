"""Memory does not grow with the names that peers make up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from ocpp_soap.soap.interning import forget_names
from ocpp_soap.soap.parsing import parse

MEASURE = """
import threading
from pathlib import Path
from ocpp_soap.soap.parsing import parse

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

def parse_new_names(first, count):
    for number in range(first, first + count):
        parse(("<a>" + "".join(f"<n{number}_{place}/>" for place in range(5000)) + "</a>").encode(), [])

def run():
    parse_new_names(0, 20)
    before = resident()
    parse_new_names(20, 100)
    print(resident() - before)

thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_stays_when_every_message_has_new_names():
    measured = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, timeout=60, check=True)
    assert float(measured.stdout) < 5, "MiB for 500,000 names"


def test_documents_in_use_keep_their_names():
    first = parse(b"<one><two three='3'/></one>", [])
    parse(b"<four/>", [])
    forget_names()
    assert etree.tostring(first) == b'<one><two three="3"/></one>'
    assert first[0].tag == "two"
