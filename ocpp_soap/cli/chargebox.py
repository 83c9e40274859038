"""``ocpp-soap chargebox``: the daemon of a real charge point."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import click

from ocpp_soap import config
from ocpp_soap import storage as stores
from ocpp_soap.charge_point.chargebox import ChargeBox, ChargeBoxSettings, load_chargebox_settings
from ocpp_soap.cli.exits import BOX_REFUSED
from ocpp_soap.cli.output import print_hint
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.log import configure


@click.command()
@click.option(
    "--config",
    "file",
    required=True,
    type=click.Path(readable=False, path_type=Path),
    help="The charge box's configuration; docs/chargebox.md explains it.",
)
@click.pass_context
def command(ctx: click.Context, /, *, file: Path) -> None:
    """Run a charge box between a controller (PLC) and a central system, until SIGTERM or Ctrl-C.

    The exit code is 8 if the central system refused it and `boot.on_rejected` is `exit`.

    \b
    Example:
      ocpp-soap chargebox --config /etc/ocpp-soap/chargebox.yaml
    """
    options = load_chargebox_settings(file)
    settings = config.load(None, _environ(options))
    configure(settings.log)
    storage = stores.open(settings.storage)
    try:
        with ChargeBox(options, settings, storage) as box:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda _number, _frame: box.end())
            print_hint(f"{options.identity} (OCPP {options.version}) calls {options.central_url}")
            accepted = box.run()
    finally:
        storage.close()
    if not accepted:
        print_hint(f"{options.central_url} refused {options.identity}")
        ctx.exit(BOX_REFUSED)


def _environ(options: ChargeBoxSettings) -> dict[str, str]:
    """The section ``storage`` of the box as the environment's settings, over those of the environment."""
    return config.overridden(os.environ, dict(_flat("OCPP_SOAP__STORAGE", options.storage)))


def _flat(prefix: str, section: dict[str, Any]) -> Any:
    for key, value in section.items():
        name = f"{prefix}__{key.upper()}"
        if isinstance(value, dict):
            yield from _flat(name, value)
        elif isinstance(value, str | int | float):
            yield name, str(value)
        else:
            raise ConfigurationError(f"storage.{key}: expected a text or a number")
