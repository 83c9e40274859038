"""Spyne is imported without a warning and leaves nothing behind in the interpreter."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
hooks = list(sys.meta_path)
from ocpp_soap.soap import spyne_compat
assert sys.meta_path == hooks, sys.meta_path
assert "cgi" not in sys.modules
try:
    import no_such_module
except ImportError:
    pass
from ocpp_soap.soap.service import interface_document
from ocpp_soap.messages import Role, Version
for role in Role:
    for version in Version:
        assert b"definitions" in interface_document(role, version, "http://127.0.0.1/")
"""


def test_with_every_warning_an_error():
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
