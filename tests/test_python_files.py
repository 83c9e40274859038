"""Running the Python files that people write."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ocpp_soap.python_files import module_of

NAME = "module_of_a_test"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, NAME, sys)
    monkeypatch.delitem(sys.modules, NAME)


def test_a_file_is_a_module_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("found = __name__")
    module = module_of(tmp_path / "own.py", NAME)
    assert (module.found, sys.modules[NAME]) == (NAME, module)


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_file_that_fails_leaves_no_half_of_a_module(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "own.py").write_text(f"half = 1\nraise {error.__name__}")
    with pytest.raises(error):
        module_of(tmp_path / "own.py", NAME)
    assert NAME not in sys.modules


def test_a_file_that_is_not_named_like_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("found = 1")
    with pytest.raises(ImportError, match=r"own\.txt is not a Python file"):
        module_of(tmp_path / "own.txt", NAME)
