"""Choosing a backend by name."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ocpp_soap import config, storage
from ocpp_soap.errors import ConfigurationError


def test_an_unknown_backend_names_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'mongodbb' is not usable; expected 'file', 'mongodb' or 'firebase'"):
        config.load(None, {"OCPP_SOAP__STORAGE__BACKEND": "mongodbb"})


@pytest.mark.parametrize(("backend", "driver"), [("mongodb", "pymongo"), ("firebase", "firebase_admin")])
def test_a_missing_driver_is_one_sentence_with_the_pip_command(
    backend: str, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(f"ocpp_soap.storage.{backend}")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ConfigurationError) as caught:
        storage.open(SimpleNamespace(backend=backend))
    assert f"pip install 'ocpp-soap[{backend}]'" in str(caught.value)


def test_no_driver_is_imported_for_the_file_store() -> None:
    program = (
        "import sys; from ocpp_soap.storage.file import FileStorage; import ocpp_soap.storage\n"
        "print([name for name in ('pymongo', 'bson', 'firebase_admin', 'google.cloud', 'grpc') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
