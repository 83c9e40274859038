"""A file says one thing: what it names twice is refused, where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.charge_point.chargebox import load_chargebox_settings
from ocpp_soap.charge_point.scenario import load_scenario
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.yaml_files import as_meant, read_yaml


def write(folder: Path, text: str) -> Path:
    file = folder / "written.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_yaml(file)
    return str(refused.value).splitlines()


def test_every_key_that_is_named_twice_is_told_with_its_lines(tmp_path: Path) -> None:
    file = write(tmp_path, "server:\n  port: 1\n  port: 2\nlog: {level: info}\nserver: {host: here}\n")
    assert refusal(file) == [
        f"{file}: line 3: 'port' is named in line 2 already; expected it once",
        f"{file}: line 5: 'server' is named in line 1 already; expected it once",
    ]


@pytest.mark.parametrize("text", ["'a': 1\na: 2", "- {a: 1, a: 1}", "b: &b {a: 1, a: 2}\nc: {<<: *b}", "1: a\n1: b"])
def test_wherever_it_stands_and_however_it_is_written(tmp_path: Path, text: str) -> None:
    (sentence,) = refusal(write(tmp_path, text))
    assert "expected it once" in sentence


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("a: {x: 1}\nb: {x: 1}", {"a": {"x": 1}, "b": {"x": 1}}),
        ("a: &a {x: 1}\nb: {<<: *a, x: 2}", {"a": {"x": 1}, "b": {"x": 2}}),
        (
            "a: &a {port: 1}\nb: {c: &c {<<: *a, port: 2}}\nd: {<<: *c, host: h}",
            {"a": {"port": 1}, "b": {"c": {"port": 2}}, "d": {"port": 2, "host": "h"}},
        ),
        ("- &a {x: 1}\n- *a", [{"x": 1}, {"x": 1}]),
        ("# nothing", None),
    ],
)
def test_anchors_and_merge_keys_are_as_in_yaml(tmp_path: Path, text: str, content: Any) -> None:
    assert read_yaml(write(tmp_path, text)) == content


@pytest.mark.parametrize("text", ["a: [", "a: 1\n---\na: 2", "a: 2026-99-99", "a: !!python/name:os.system x"])
def test_what_is_not_yaml_is_refused(tmp_path: Path, text: str) -> None:
    assert "written.yaml: cannot be read: it is not YAML" in refusal(write(tmp_path, text))[0]


def test_what_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "[" * 3000 + "]" * 3000)
    assert refusal(file) == [f"{file}: cannot be read: it is nested too deeply"]


def test_a_charge_box_has_one_identity(tmp_path: Path) -> None:
    file = write(tmp_path, "central_url: http://127.0.0.1/\nidentity: CP1\nidentity: CP2\n")
    with pytest.raises(ConfigurationError, match="line 3: 'identity' is named in line 2"):
        load_chargebox_settings(file)


def test_a_scenario_has_one_list_of_steps(tmp_path: Path) -> None:
    file = write(tmp_path, "name: twice\nsteps: [boot]\nsteps: [boot]\n")
    with pytest.raises(ConfigurationError, match="line 3: 'steps' is named in line 2"):
        load_scenario(str(file))


@pytest.mark.parametrize(
    "text", ["0060", "0600", "12:30:00", "1.50", "1_0", "yes", "on", "0x1F", "1.5e+3", "2026-01-31"]
)
def test_a_value_can_be_taken_as_it_is_written(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, f"value: {text}\n{text}: key\n")
    assert read_yaml(file, as_written=True) == {"value": text, text: "key"}
    assert read_yaml(file)["value"] != text


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_what_is_not_there_is_no_text(tmp_path: Path, text: str) -> None:
    assert read_yaml(write(tmp_path, f"value: {text}\n"), as_written=True) == {"value": None}
    assert read_yaml(write(tmp_path, f'value: "{text}"\n'), as_written=True) == {"value": text}


def test_what_is_taken_as_it_is_written_merges_and_names_no_key_twice(tmp_path: Path) -> None:
    merged = write(tmp_path, "base: &base {a: 1, b: 2}\nown: {<<: *base, a: 3}\n")
    assert read_yaml(merged, as_written=True)["own"] == {"a": "3", "b": "2"}
    with pytest.raises(ConfigurationError, match="expected it once"):
        read_yaml(write(tmp_path, "a: 1\na: 2"), as_written=True)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "written.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file) == {"a": 1}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0060", 48),
        ("on", True),
        ("1.5", 1.5),
        ("TAG1", "TAG1"),
        ("{", "{"),
        ("2026-99-99", "2026-99-99"),
        ("<<", "<<"),
        (None, None),
    ],
)
def test_what_was_read_as_written_can_still_be_taken_as_yaml_means_it(written, meant):
    assert as_meant(written) == meant
