"""``ocpp-soap configuration``: the configuration keys of charge points, as last known and against a template."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, TextIO

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.configurations import KeyDifference
from ocpp_soap.cli.author import author
from ocpp_soap.cli.choosing import Chosen, chosen_stations
from ocpp_soap.cli.context import central_system
from ocpp_soap.cli.delivering import deliver, exit_code, print_commands
from ocpp_soap.cli.exits import FAILED
from ocpp_soap.cli.orders import patience
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record, print_table
from ocpp_soap.errors import ConfigurationError, NotFound
from ocpp_soap.yaml_files import read_yaml

_template = click.argument("template", type=click.Path(dir_okay=False, exists=True, path_type=Path))
_EXPECTED = "expected lines such as HeartBeatInterval: 600"
_no_wait = click.option("--no-wait", is_flag=True, help="Leave the delivery to the central system.")


@click.group(name="configuration")
def command() -> None:
    """Read, compare and change the configuration keys of charge points."""


@command.command()
@chosen_stations
@_no_wait
@json_option
@click.pass_context
def read(ctx: click.Context, /, bulk: TextIO | None, no_wait: bool, as_json: bool, **chosen: Any) -> None:
    """Ask charge points for all their keys (OCPP 1.5) and keep the answers.

    \b
    Examples:
      ocpp-soap configuration read CP001
      ocpp-soap configuration read --where vendor=Acme --no-wait
    """
    with central_system(ctx) as system:
        stations = Chosen(bulk=bulk, **chosen).stations(system)
        how = _how(system, len(stations), no_wait=no_wait)
        commands = system.command_queue.create("GetConfiguration", {}, stations, **how)
        _finish(ctx, system, commands, no_wait=no_wait, as_json=as_json)


@command.command()
@click.argument("charge_box_identity", metavar="ID")
@json_option
@click.pass_context
def show(ctx: click.Context, charge_box_identity: str, as_json: bool) -> None:
    """Show the keys of a charge point as last known, with the times at which they were learned.

    \b
    Example:
      ocpp-soap configuration show CP001
    """
    with central_system(ctx) as system:
        known = system.configurations.get(charge_box_identity)
    if known is None:
        raise NotFound(
            f"nothing is known of the configuration of {charge_box_identity}; "
            f"`ocpp-soap configuration read {charge_box_identity}` asks it"
        )
    if as_json:
        print_json(known)
        return
    print_record({"charge_box_identity": known.charge_box_identity, "read_at": known.read_at})
    rows = (
        (key, entry["value"], "read-only" if entry["readonly"] else "", entry["known_at"])
        for key, entry in sorted(known.keys.items())
    )
    print_table(("KEY", "VALUE", "", "KNOWN SINCE"), rows, nothing="No keys are known.")


@command.command()
@_template
@chosen_stations
@json_option
@click.pass_context
def diff(ctx: click.Context, /, template: Path, bulk: TextIO | None, as_json: bool, **chosen: Any) -> None:
    """Compare what is known with a TEMPLATE, a YAML file of keys and values; exit code 1 if something differs.

    \b
    Examples:
      ocpp-soap configuration diff template.yaml CP001
      ocpp-soap configuration diff template.yaml --where 'id=BER*' --json
    """
    wanted = _read_template(template)
    with central_system(ctx) as system:
        found = _differences(system, Chosen(bulk=bulk, **chosen).stations(system), wanted)
    rows = [(station, d.key, d.value, d.wanted, d.obstacle or None) for station, d in found]
    columns = ("ID", "KEY", "VALUE", "WANTED", "OBSTACLE")
    if as_json:
        names = ("charge_box_identity", "key", "value", "wanted", "obstacle")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows, nothing="Nothing differs.")
    ctx.exit(FAILED if rows else 0)


@command.command()
@_template
@chosen_stations
@_no_wait
@json_option
@click.pass_context
def apply(
    ctx: click.Context, /, template: Path, bulk: TextIO | None, no_wait: bool, as_json: bool, **chosen: Any
) -> None:
    """Change the keys that differ from a TEMPLATE; those known to be read-only or missing are left out.

    Values are sent as they are written there: 0060 is 0060, and on is on.

    \b
    Examples:
      ocpp-soap configuration apply template.yaml CP001
      ocpp-soap configuration apply template.yaml --where vendor=Acme --no-wait
    """
    wanted = _read_template(template)
    with central_system(ctx) as system:
        found = _differences(system, Chosen(bulk=bulk, **chosen).stations(system), wanted)
        stations_of: dict[str, list[str]] = defaultdict(list)
        for station, difference in found:
            if difference.obstacle:
                print_hint(f"{station}: {difference.key} is left out: {difference.obstacle}")
            else:
                stations_of[difference.key].append(station)
        commands = []
        most = max(map(len, stations_of.values()), default=0)
        how = _how(system, most, len(stations_of), no_wait=no_wait)
        for key, stations in stations_of.items():
            payload = {"key": key, "value": wanted[key]}
            commands += system.command_queue.create("ChangeConfiguration", payload, stations, **how)
        _finish(ctx, system, commands, no_wait=no_wait, as_json=as_json)


def _how(system: CentralSystem, stations: int, each: int = 1, *, no_wait: bool) -> dict[str, Any]:
    """How ``each`` so many commands to so many stations are delivered."""
    if no_wait:
        return {"by": author()}
    return {"by": author(), "max_attempts": 1, "deadline": patience(system, stations, each)}


def _finish(
    ctx: click.Context, system: CentralSystem, commands: list[Command], *, no_wait: bool, as_json: bool
) -> None:
    if commands and not no_wait:
        commands = deliver(system, commands, show_progress=len(commands) > 1)
    print_commands(commands, as_json)
    ctx.exit(0 if no_wait else exit_code(commands))


def _differences(system: CentralSystem, stations: list[str], wanted: dict[str, str]) -> list[tuple[str, KeyDifference]]:
    return [(station, d) for station in stations for d in system.configurations.difference(station, wanted)]


def _read_template(file: Path) -> dict[str, str]:
    try:
        content = read_yaml(file, as_written=True)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="TEMPLATE") from None
    if not isinstance(content, dict):
        raise click.BadParameter(f"{file}: {_EXPECTED}", param_hint="TEMPLATE")
    for key, value in content.items():
        if value is None:
            raise click.BadParameter(f'{file}: {key} has no value; an empty one is ""', param_hint="TEMPLATE")
        if not isinstance(key, str) or not isinstance(value, str):
            raise click.BadParameter(f"{file}: {key}: {_EXPECTED}", param_hint="TEMPLATE")
    return content
