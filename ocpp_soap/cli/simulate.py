"""``ocpp-soap simulate``: simulated charge points."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import click

from ocpp_soap.charge_point.faults import Injection
from ocpp_soap.charge_point.quirks import QUIRKS
from ocpp_soap.charge_point.scenario import load_scenario, shipped_scenarios
from ocpp_soap.charge_point.simulator import BUILT_IN, SimulationOptions, run_simulation
from ocpp_soap.cli.bounds import Seconds, identity
from ocpp_soap.cli.context import load_settings
from ocpp_soap.cli.exits import FAILED
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record
from ocpp_soap.messages import AuthorizeRequest, Version, limit_of


def _address(value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is no address to listen on; expected one such as 127.0.0.1:9221")
    return host.strip("[]"), int(port)


def _key(value: str) -> tuple[str, str]:
    name, equals, text = value.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{value!r}: expected KEY=VALUE")
    return name, text


def _list_scenarios(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """List the scenarios that are shipped and exit."""
    if wanted:
        _print_explained(ctx, {name: load_scenario(name).description for name in shipped_scenarios()})


def _list_quirks(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """List the quirks and exit."""
    if wanted:
        _print_explained(ctx, {name: meaning for name, (meaning, _) in QUIRKS.items()})


def _print_explained(ctx: click.Context, names: dict[str, str]) -> None:
    if ctx.params["as_json"]:
        print_json([{"name": name, "description": description} for name, description in names.items()])
    else:
        width = max(map(len, names)) + 1
        for name, description in names.items():
            click.echo(f"{name:{width}} {description}")
    ctx.exit()


def _try_to_write(file: Path) -> None:
    """Find out before a scenario takes its time whether its results can be written."""
    try:
        file.open("ab").close()
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error


_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--central", "central_url", required=True, metavar="URL", help="URL of the CentralSystemService.")
@click.option("--version", type=click.Choice([str(v) for v in Version]), default="1.5", show_default=True)
@click.option(
    "--id", "identity", type=identity, default="CP001", show_default=True, help="Identity of the first charge point."
)
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
@click.option(
    "--scenario",
    metavar="idle|charge|NAME|FILE",
    default="idle",
    show_default=True,
    help="What they do; --scenarios lists the names, FILE holds steps in YAML.",
)
@click.option(
    "--scenarios",
    "list_scenarios",
    is_flag=True,
    expose_value=False,
    callback=_list_scenarios,
    help="List the scenarios that are shipped.",
)
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the results of a scenario's steps as JUnit XML.")
@click.option("--id-tag", default="TAG1", show_default=True, help="The tag that charges.")
@click.option(
    "--duration",
    type=Seconds(min=0, min_open=True),
    help="Seconds until they end; a charging session takes 10 or more.  [default: until Ctrl-C]",
)
@click.option(
    "--ramp",
    type=Seconds(min=0),
    default=0.0,
    metavar="S",
    help="Seconds over which they are switched on, one after the other.",
)
@click.option("--store", type=_FILE, metavar="FILE", help="Keep queues and states there across a restart.")
@click.option("--key", "keys", type=_key, multiple=True, metavar="KEY=VALUE", help="A configuration key of each.")
@click.option(
    "--quirk",
    "quirks",
    type=click.Choice(list(QUIRKS)),
    multiple=True,
    metavar="NAME",
    help="Misbehave as some stations do; --quirks lists the names.",
)
@click.option(
    "--quirks",
    "list_quirks",
    is_flag=True,
    expose_value=False,
    callback=_list_quirks,
    help="List the quirks.",
)
@click.option(
    "--inject",
    default="",
    metavar="delay=S,drop=P,duplicate=P,cut=P,html=P,seed=N",
    help="Break messages with these probabilities.",
)
@click.option("--constant-heartbeat", is_flag=True, help="Send Heartbeats even where other messages were sent.")
@click.option("--ca-file", default="", metavar="FILE", help="Trust these authorities (PEM) instead of the system's.")
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
    keys: tuple[tuple[str, str], ...],
    inject: str,
    junit: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run simulated charge points against a central system, ours or another.

    The scenario `charge` boots each of them, starts a session, sends meter values and stops it before the end. The exit
    code is 0 if every session was delivered and every step of a scenario went as expected.

    \b
    Examples:
      ocpp-soap simulate --central http://127.0.0.1:9220/Ocpp/CentralSystemService
      ocpp-soap simulate --central http://127.0.0.1:9220/Ocpp/CentralSystemService --version 1.2 --id CP100 --count 5 \\
        --scenario charge --id-tag TAG1 --duration 30 --json
      ocpp-soap simulate --central https://cs.example/ocpp --scenario session --quirk soap11 --junit results.xml
    """
    if not central_url.startswith(("http://", "https://")):
        raise click.UsageError(f"--central {central_url}: expected a URL that begins with http:// or https://")
    if options["scenario"] == "charge" and duration is not None and duration < 10:
        raise click.UsageError("--scenario charge takes --duration 10 or more")
    if junit is not None and options["scenario"] in BUILT_IN:
        raise click.UsageError(f"--junit takes a scenario with steps; {options['scenario']} has none")
    longest = limit_of(AuthorizeRequest, "id_tag", Version(version))
    if len(options["id_tag"]) > longest:
        raise click.UsageError(f"--id-tag {options['id_tag']}: OCPP {version} has tags of at most {longest} characters")
    host, port = listen
    settings = load_settings(ctx)
    simulation = SimulationOptions(
        central_url=central_url,
        version=Version(version),
        listen_host=host,
        listen_port=port,
        duration=duration,
        configuration=dict(keys),
        injection=Injection.of(inject),
        **options,
    )
    if junit is not None:
        _try_to_write(junit)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    summary = run_simulation(simulation, settings, report=print_hint, junit=junit, live=sys.stderr.isatty())
    print_record(summary, as_json)
    if not summary.ok:
        ctx.exit(FAILED)
