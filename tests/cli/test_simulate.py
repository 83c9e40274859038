"""``ocpp-soap simulate`` and ``chargebox``: what is said at the start, and what is printed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NOBODY = "http://127.0.0.1:9/"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("more", [(), ("--store", "kept.sqlite")], ids=["", "with a store"])
def test_a_port_that_is_taken_ends_a_simulation_with_3(
    cli: Any, taken: int, more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("simulate", "--central", NOBODY, "--listen", f"127.0.0.1:{taken}", *more)
    assert done.exit_code == 3
    assert f"listen 127.0.0.1:{taken}: cannot be listened on: Address already in use" in done.stderr


def test_a_port_that_is_taken_ends_a_charge_box_with_3(cli: Any, taken: int, tmp_path: Path) -> None:
    file = tmp_path / "box.yaml"
    file.write_text(
        f"central_url: {NOBODY}\nidentity: BOX1\nlisten: {{host: 127.0.0.1, port: {taken}}}\n"
        f"storage: {{file: {{path: {tmp_path / 'box.sqlite'}}}}}\n"
    )
    done = cli("chargebox", "--config", str(file))
    assert done.exit_code == 3
    assert f"listen 127.0.0.1:{taken}: cannot be listened on: Address already in use" in done.stderr


def test_results_that_cannot_be_written_end_a_simulation_before_it_begins(cli: Any, tmp_path: Path, taken: int) -> None:
    file = tmp_path / "nowhere" / "results.xml"
    listen = f"127.0.0.1:{taken}"
    done = cli("simulate", "--central", NOBODY, "--scenario", "session", "--junit", str(file), "--listen", listen)
    assert done.exit_code == 1
    assert f"Could not open file '{file}': No such file or directory" in done.stderr


@pytest.mark.parametrize("scenario", ["idle", "charge"])
def test_a_scenario_without_steps_has_no_results_to_write(cli: Any, tmp_path: Path, scenario: str) -> None:
    done = cli("simulate", "--central", NOBODY, "--scenario", scenario, "--junit", str(tmp_path / "results.xml"))
    assert done.exit_code == 2
    assert f"{scenario} has none" in done.stderr


@pytest.mark.parametrize("option", ["--quirks", "--scenarios"])
def test_names_are_listed_as_text_and_as_json(cli: Any, option: str) -> None:
    listed = cli.json("simulate", option)
    assert listed == json.loads(cli("simulate", "--json", option).stdout)
    lines = cli("simulate", option).stdout.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[row["name"], row["description"]] for row in listed]


def test_a_simulated_station_has_an_identity(cli: Any) -> None:
    done = cli("simulate", "--central", NOBODY, "--id", "", "--duration", "1")
    assert done.exit_code == 2
    assert "identity that is not empty" in done.stderr
