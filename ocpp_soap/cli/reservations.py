"""``ocpp-soap reservations``: connectors reserved for idTags."""

from __future__ import annotations

from datetime import datetime

import click

from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.reservation import ReservationState
from ocpp_soap.cli.author import author
from ocpp_soap.cli.bounds import NUMBER
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.exits import REFUSED
from ocpp_soap.cli.output import json_option, print_json, print_record, print_table
from ocpp_soap.cli.values import time_option


@click.group(name="reservations")
def command() -> None:
    """Reserve connectors, list reservations and cancel them."""


@command.command()
@click.argument("charge_box_identity", metavar="ID")
@click.option("--id-tag", required=True, help="The idTag that may charge.")
@click.option(
    "--connector-id", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="0: any connector."
)
@click.option("--until", type=time_option, metavar="TIME", required=True, help="When it ends: a time or +1h.")
@json_option
@click.pass_context
def add(
    ctx: click.Context, /, *, charge_box_identity: str, id_tag: str, connector_id: int, until: datetime, as_json: bool
) -> None:
    """Reserve a connector of a charge point for an idTag and its group.

    \b
    Example:
      ocpp-soap reservations add CP001 --connector-id 1 --id-tag TAG1 --until +1h
    """
    with central_system(ctx) as system:
        system.stations.check_known([charge_box_identity])
        try:
            made = system.reservations.reserve(charge_box_identity, connector_id, id_tag, until, by=author())
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    print_record(made, as_json)
    if made.state == ReservationState.REFUSED:
        ctx.exit(REFUSED)


@command.command()
@click.argument("reservation_id", metavar="ID", type=NUMBER)
@json_option
@click.pass_context
def cancel(ctx: click.Context, reservation_id: int, as_json: bool) -> None:
    """Cancel a reservation at its charge point.

    \b
    Example:
      ocpp-soap reservations cancel 7
    """
    with central_system(ctx) as system:
        found = system.reservations.cancel(reservation_id, by=author())
    print_record(existing(found, f"reservation {reservation_id}", "reservations list"), as_json)


@command.command(name="list")
@click.option("--station", "charge_box_identity", metavar="ID", help="Only those of this charge point.")
@click.option(
    "--state", type=click.Choice([str(state) for state in ReservationState]), help="Only those in this state."
)
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, charge_box_identity: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List the reservations, the latest first.

    \b
    Example:
      ocpp-soap reservations list --state accepted
    """
    filters = {"charge_box_identity": charge_box_identity, "state": state}
    with central_system(ctx) as system:
        found = first(every(system.reservations.list, descending=True, **filters), limit)
    if as_json:
        print_json(found)
        return
    columns = ("ID", "STATION", "CONNECTOR", "TAG", "STATE", "UNTIL", "TRANSACTION", "REASON")
    rows = (
        (
            r.reservation_id,
            r.charge_box_identity,
            r.connector_id or "any",
            r.id_tag,
            r.state,
            r.expiry_date,
            r.transaction_id,
            r.reason or None,
        )
        for r in found
    )
    print_table(columns, rows, nothing="No reservations.", filters=filters.values())
