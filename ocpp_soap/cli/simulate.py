"""``ocpp-soap simulate``: simulated charge points."""

from __future__ import annotations

import signal
from typing import Any

import click

from ocpp_soap.charge_point.simulator import SimulationOptions, run_simulation
from ocpp_soap.cli.context import load_settings
from ocpp_soap.cli.exits import FAILED
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record
from ocpp_soap.messages import Version


def _address(value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is no address to listen on; expected one such as 127.0.0.1:9221")
    return host.strip("[]"), int(port)


@click.command()
@click.option("--central", "central_url", required=True, metavar="URL", help="URL of the CentralSystemService.")
@click.option("--version", type=click.Choice([str(v) for v in Version]), default="1.5", show_default=True)
@click.option("--id", "identity", default="CP001", show_default=True, help="Identity of the first charge point.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Number of charge points.")
@click.option("--connectors", type=click.IntRange(min=1), default=2, show_default=True, help="Connectors of each.")
@click.option(
    "--listen",
    type=_address,
    metavar="HOST:PORT",
    default="127.0.0.1:9221",
    show_default=True,
    help="Where they are called; port 0 takes a free one.",
)
@click.option("--scenario", type=click.Choice(["idle", "charge"]), default="idle", show_default=True)
@click.option("--id-tag", default="TAG1", show_default=True, help="The tag that charges.")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds until they end; a charging session takes 10 or more.  [default: until Ctrl-C]",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    central_url: str,
    version: str,
    listen: tuple[str, int],
    duration: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run simulated charge points against a central system, ours or another.

    The scenario `charge` boots each of them, starts a session, sends meter values and stops it before the end. The exit
    code is 0 if every session was delivered.

    \b
    Examples:
      ocpp-soap simulate --central http://127.0.0.1:9220/Ocpp/CentralSystemService
      ocpp-soap simulate --central http://127.0.0.1:9220/Ocpp/CentralSystemService --version 1.2 --id CP100 --count 5 \\
        --scenario charge --id-tag TAG1 --duration 30 --json
    """
    if not central_url.startswith(("http://", "https://")):
        raise click.UsageError(f"--central {central_url}: expected a URL that begins with http:// or https://")
    if options["scenario"] == "charge" and duration is not None and duration < 10:
        raise click.UsageError("--scenario charge takes --duration 10 or more")
    host, port = listen
    settings = load_settings(ctx)
    simulation = SimulationOptions(
        central_url=central_url,
        version=Version(version),
        listen_host=host,
        listen_port=port,
        duration=duration,
        **options,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    summary = run_simulation(simulation, settings, report=print_hint)
    if as_json:
        print_json(summary)
    else:
        print_record(summary)
    if not summary.ok:
        ctx.exit(FAILED)
