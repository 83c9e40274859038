"""``ocpp-soap tags``: the idTags that may charge."""

from __future__ import annotations

from datetime import datetime

import click

from ocpp_soap.central_system.local_list import LONGEST_TAG, can_be_listed
from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.tags import Tag
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record, print_table
from ocpp_soap.cli.values import time_option


@click.group(name="tags")
def command() -> None:
    """List, add, block and remove idTags."""


@command.command()
@click.argument("id_tag", metavar="TAG")
@click.option("--parent", "parent_id_tag", metavar="TAG", help="The group: tags of one parent may stop each other.")
@click.option(
    "--expires", "expiry_date", type=time_option, metavar="TIME", help="2026-12-31T00:00:00Z or an offset such as +30d."
)
@click.option(
    "--max-concurrent",
    type=click.IntRange(min=0),
    help="Transactions it may have open at a time; 0: any number.  [default: the general setting]",
)
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    /,
    *,
    id_tag: str,
    parent_id_tag: str | None,
    expiry_date: datetime | None,
    max_concurrent: int | None,
    as_json: bool,
) -> None:
    """Let TAG charge. A tag that is there already, blocked or not, gets these values.

    \b
    Examples:
      ocpp-soap tags add 04A2B3C4D5
      ocpp-soap tags add 04A2B3C4D5 --parent FLEET --expires +365d
    """
    tag = Tag(id_tag=id_tag, parent_id_tag=parent_id_tag, expiry_date=expiry_date, max_concurrent=max_concurrent)
    with central_system(ctx) as system:
        try:
            added = system.tags.add(tag)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    print_record(added, as_json)
    if not can_be_listed(id_tag):
        print_hint(f"It cannot be in a local authorisation list: these hold tags of up to {LONGEST_TAG} characters.")


@command.command(name="list")
@click.option("--status", type=click.Choice(["Accepted", "Blocked"], case_sensitive=False), help="Only these.")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, status: str | None, limit: int, as_json: bool) -> None:
    """List the tags.

    \b
    Examples:
      ocpp-soap tags list --status Blocked
      ocpp-soap tags list --limit 1000 --json
    """
    with central_system(ctx) as system:
        tags = first(every(system.tags.list, status=status), limit)
    if as_json:
        print_json(tags)
        return
    columns = ("TAG", "STATUS", "PARENT", "EXPIRES", "MAX")
    rows = ((t.id_tag, t.status, t.parent_id_tag, t.expiry_date, t.max_concurrent) for t in tags)
    print_table(columns, rows, nothing="No tags. `ocpp-soap tags add TAG` lets one charge.", filters=[status])


@command.command()
@click.argument("id_tag", metavar="TAG")
@json_option
@click.pass_context
def block(ctx: click.Context, id_tag: str, as_json: bool) -> None:
    """Refuse TAG from now on.

    \b
    Example:
      ocpp-soap tags block 04A2B3C4D5
    """
    with central_system(ctx) as system:
        tag = system.tags.block(id_tag)
    print_record(existing(tag, f"idTag {id_tag}", "tags list"), as_json)


@command.command()
@click.argument("id_tag", metavar="TAG")
@click.pass_context
def remove(ctx: click.Context, id_tag: str) -> None:
    """Take TAG out of the list; it is then an unknown tag.

    \b
    Example:
      ocpp-soap tags remove 04A2B3C4D5
    """
    with central_system(ctx) as system:
        existing(system.tags.remove(id_tag), f"idTag {id_tag}", "tags list")
    print_hint(f"{id_tag} was removed.")
