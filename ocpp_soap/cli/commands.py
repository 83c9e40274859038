"""``ocpp-soap commands``: the persistent commands to charge points."""

from __future__ import annotations

from typing import Any

import click

from ocpp_soap.central_system.command_queue.record import CommandState
from ocpp_soap.central_system.records import every
from ocpp_soap.cli.author import author
from ocpp_soap.cli.bounds import NUMBER
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.delivering import print_commands
from ocpp_soap.cli.output import json_option, print_record

_states = click.Choice([str(state) for state in CommandState])
_number = click.argument("command_id", metavar="ID", type=NUMBER)


@click.group(name="commands")
def command() -> None:
    """List, show and cancel the commands to charge points."""


@command.command(name="list")
@click.option("--station", "charge_box_identity", metavar="ID", help="Only those to this charge point.")
@click.option("--state", type=_states, help="Only those in this state.")
@click.option(
    "--batch", "batch_id", type=NUMBER, metavar="ID", help="Only those that one command line or request made."
)
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, /, limit: int, as_json: bool, **filters: Any) -> None:
    """List the commands, the latest first.

    \b
    Examples:
      ocpp-soap commands list --state queued
      ocpp-soap commands list --station CP001 --json
    """
    with central_system(ctx) as system:
        found = first(every(system.command_queue.list, descending=True, **filters), limit)
    print_commands(found, as_json, filters.values())


@command.command()
@_number
@json_option
@click.pass_context
def show(ctx: click.Context, command_id: int, as_json: bool) -> None:
    """Show a command with its attempts and the answer of the charge point.

    \b
    Example:
      ocpp-soap commands show 17
    """
    with central_system(ctx) as system:
        found = system.command_queue.get(command_id)
        print_record(existing(found, f"command {command_id}", "commands list"), as_json)


@command.command()
@_number
@json_option
@click.pass_context
def cancel(ctx: click.Context, command_id: int, as_json: bool) -> None:
    """Withdraw a command. One that is being sent is still decided by the answer, but not tried again.

    \b
    Example:
      ocpp-soap commands cancel 17
    """
    with central_system(ctx) as system:
        cancelled = system.command_queue.cancel(command_id, by=author())
        print_record(existing(cancelled, f"command {command_id}", "commands list"), as_json)
