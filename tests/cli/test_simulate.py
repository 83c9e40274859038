"""``ocpp-soap simulate`` and ``chargebox``: what is said at the start, and what is printed."""

from __future__ import annotations

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
