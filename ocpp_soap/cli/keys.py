"""``ocpp-soap keys``: who may use the REST API."""

from __future__ import annotations

import click

from ocpp_soap.central_system.api_keys import Role
from ocpp_soap.central_system.records import every
from ocpp_soap.cli.author import author
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_table


@click.group(name="keys")
def command() -> None:
    """Make, list and revoke the keys of the REST API."""


@command.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.READ.value,
    show_default=True,
    help="read; operate: also commands and changes; admin: also keys, webhooks and the audit trail.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="Where it may be used from, such as 10.0.0.0/8; may be given several times.  [default: everywhere]",
)
@click.option("--replace", is_flag=True, help="Revoke the other keys of that name.")
@json_option
@click.pass_context
def add(
    ctx: click.Context, /, *, name: str, role: str, networks: tuple[str, ...], replace: bool, as_json: bool
) -> None:
    """Make a key for NAME. Its token is printed this once and stored nowhere.

    \b
    Examples:
      ocpp-soap keys add grafana
      ocpp-soap keys add backoffice --role operate --network 10.1.0.0/16
    """
    with central_system(ctx) as system:
        old = [key for key in every(system.api_keys.list, name=name) if replace and key.revoked_at is None]
        try:
            key, token = system.api_keys.add(name, Role(role), networks=networks, by=author())
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        made = {"name": key.name, "role": key.role, "networks": key.networks}
        system.audit.add(author(), "keys.add", f"/keys/{key.key_id}", data=made)
        for other in old:
            system.api_keys.revoke(other.key_id, by=author())
            system.audit.add(author(), "keys.revoke", f"/keys/{other.key_id}")
    if as_json:
        print_json({"key": key, "token": token})
        return
    print_hint(f"Key {key.key_id} for {key.name}, role {key.role}. Send it as: Authorization: Bearer TOKEN")
    click.echo(token)


@command.command(name="list")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List the keys, those revoked included.

    \b
    Example:
      ocpp-soap keys list --json
    """
    with central_system(ctx) as system:
        keys = first(every(system.api_keys.list), limit)
    if as_json:
        print_json(keys)
        return
    columns = ("ID", "NAME", "ROLE", "NETWORKS", "CREATED", "REVOKED")
    rows = ((k.key_id, k.name, k.role, ", ".join(k.networks) or "all", k.created_at, k.revoked_at) for k in keys)
    print_table(columns, rows, nothing="No keys. `ocpp-soap keys add NAME` makes one.")


@command.command()
@click.argument("key_id", metavar="ID")
@click.pass_context
def revoke(ctx: click.Context, key_id: str) -> None:
    """End the key ID, at once and for good.

    \b
    Example:
      ocpp-soap keys revoke 5f1c0a9b3d2e
    """
    with central_system(ctx) as system:
        key = existing(system.api_keys.revoke(key_id, by=author()), f"key {key_id}", "keys list")
        system.audit.add(author(), "keys.revoke", f"/keys/{key_id}")
    print_hint(f"{key.name} ({key_id}) may no longer use the API.")
