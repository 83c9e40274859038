"""Files that commands write for their user."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import click
import pytest

from ocpp_soap.cli.written import written


def _break_off(path: Path, failure: BaseException) -> None:
    with written(path, "wb") as file:
        file.write(b"some of it")
        raise failure


def test_nothing_is_left_of_what_broke_off(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    expected = re.escape(f"{path} cannot be written: No space left on device")
    with pytest.raises(click.ClickException, match=expected):
        _break_off(path, OSError(errno.ENOSPC, "No space left on device"))
    assert not path.exists()
    with pytest.raises(KeyboardInterrupt):
        _break_off(path, KeyboardInterrupt())
    assert not path.exists()


def test_what_is_there_and_not_to_be_overwritten_stays(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    path.write_text("other")
    expected = re.escape(f"{path} is there already: name the file to write with --output")
    with pytest.raises(click.ClickException, match=expected), written(path, "xb"):
        pass
    assert path.read_text() == "other"


def test_what_cannot_be_opened_stays(tmp_path: Path) -> None:
    with pytest.raises(click.FileError), written(tmp_path, "wb"):
        pass
    assert tmp_path.is_dir()
