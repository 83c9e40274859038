"""The command line on a store of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.cli import main
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import Role, Version, find_action


class Cli:
    """Runs commands in this process; ``config_file`` is what ``--config`` names."""

    def __init__(self, config_file: Path) -> None:
        self.config_file = config_file

    def __call__(self, *arguments: str, stdin: str = "") -> Result:
        result = CliRunner().invoke(main, ["--config", str(self.config_file), *arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *arguments: str) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("OCPP_SOAP_CONFIG", raising=False)
    file = tmp_path / "settings.yaml"
    file.write_text(
        f"storage: {{file: {{path: {tmp_path / 'store.sqlite'}}}}}\n"
        "calls: {allowed_networks: [127.0.0.0/8]}\n"
        "log: {level: warning}\n"
    )
    return Cli(file)


@pytest.fixture
def receive(cli: Cli) -> Iterator[Callable[..., Any]]:
    """Lets the central system of the same store answer a request message of a charge point."""
    with CentralSystem.open(config.load(cli.config_file, {})) as system:

        def answer(request: Any, *, identity: str = "CP001", version: Version = Version.V15, **more: Any) -> Any:
            action = find_action(Role.CENTRAL_SYSTEM, type(request).__name__.removesuffix("Request"))
            assert action is not None
            call = Call(
                charge_box_identity=identity,
                version=version,
                action=action,
                request=request,
                received_at=datetime.now(timezone.utc),
                **more,
            )
            return system.receive(call)

        yield answer
