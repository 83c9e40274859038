"""``ocpp-soap labels``: names for several charge points at once."""

from __future__ import annotations

from typing import Any, TextIO

import click

from ocpp_soap.cli.choosing import Chosen, chosen_stations
from ocpp_soap.cli.context import central_system, first, limit_option
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_table

_label = click.argument("label")


@click.group(name="labels")
def command() -> None:
    """Give charge points labels, to mean several of them by one name."""


@command.command()
@_label
@chosen_stations
@click.pass_context
def add(ctx: click.Context, /, label: str, bulk: TextIO | None, **chosen: Any) -> None:
    """Give charge points a label: all of them, or none if one is not known.

    \b
    Examples:
      ocpp-soap labels add berlin CP001 CP002
      ocpp-soap labels add acme --where vendor=Acme
    """
    with central_system(ctx) as system:
        stations = Chosen(bulk=bulk, **chosen).stations(system)
        system.stations.check_known(stations)
        try:
            system.labels.add(label, stations)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="LABEL") from None
    given = "1 charge point was" if len(stations) == 1 else f"{len(stations)} charge points were"
    print_hint(f"{given} given the label {label}; --where label={label} means all that have it.")


@command.command()
@_label
@chosen_stations
@click.pass_context
def remove(ctx: click.Context, /, label: str, bulk: TextIO | None, **chosen: Any) -> None:
    """Take a label from charge points.

    \b
    Example:
      ocpp-soap labels remove berlin CP002
    """
    with central_system(ctx) as system:
        count = system.labels.remove(label, Chosen(bulk=bulk, **chosen).stations(system))
    print_hint(f"{count} {'charge point' if count == 1 else 'charge points'} had the label {label}.")


@command.command()
@_label
@limit_option
@json_option
@click.pass_context
def show(ctx: click.Context, label: str, limit: int, as_json: bool) -> None:
    """List the charge points that have a label.

    \b
    Example:
      ocpp-soap labels show berlin
    """
    with central_system(ctx) as system:
        found = first(system.labels.stations(label), limit)
    if as_json:
        print_json(found)
    else:
        print_table(("ID",), ((identity,) for identity in found), nothing=f"No charge point has the label {label}.")
