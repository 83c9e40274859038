"""Choosing a backend by name."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ocpp_soap import storage
from ocpp_soap.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "hint"),
    [("mongodbb", "did you mean 'mongodb'"), ("mongoo", "did you mean 'mongodb'"), ("fil", "did you mean 'file'")],
)
def test_a_misspelt_backend_names_the_one_that_was_meant(name: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        storage.open(SimpleNamespace(backend=name))


def test_an_unknown_backend_names_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match="use one of file, mongodb, firebase"):
        storage.open(SimpleNamespace(backend="oracle"))


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
