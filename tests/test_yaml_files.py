"""YAML files as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocpp_soap.yaml_files import read_yaml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.yaml"


@pytest.mark.parametrize(
    "text", ["0060", "0600", "12:30:00", "1.50", "1_0", "yes", "on", "0x1F", "1.5e+3", "2026-01-31"]
)
def test_a_value_can_be_taken_as_it_is_written(file: Path, text: str) -> None:
    file.write_text(f"value: {text}\n{text}: key\n")
    assert read_yaml(file, as_written=True) == {"value": text, text: "key"}
    assert read_yaml(file)["value"] != text


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_what_is_not_there_is_no_text(file: Path, text: str) -> None:
    file.write_text(f"value: {text}\n")
    assert read_yaml(file, as_written=True) == {"value": None}
    file.write_text(f'value: "{text}"\n')
    assert read_yaml(file, as_written=True) == {"value": text}


@pytest.mark.parametrize("as_written", [True, False])
@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "part:\n  a: 1\n\n  a: 1", "- {a: 1,\n\n a: 2}"])
def test_a_key_that_is_there_twice_is_refused(file: Path, text: str, as_written: bool) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=r"the key a is there twice, in lines \d and \d"):
        read_yaml(file, as_written=as_written)


def test_an_entry_goes_before_one_that_is_merged(file: Path) -> None:
    file.write_text("base: &base {a: 1, b: 2}\nown: {<<: *base, a: 3}\n")
    assert read_yaml(file)["own"] == {"a": 3, "b": 2}
    assert read_yaml(file, as_written=True)["own"] == {"a": "3", "b": "2"}


@pytest.mark.parametrize("content", [b"a: [", b"a: \xff", b"a: 2026-13-01"])
def test_what_cannot_be_read_is_a_value_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        read_yaml(file)


def test_a_byte_order_mark_is_passed_over(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file) == {"a": 1}
