"""``ocpp-soap stations require`` and ``profile``: what one charge point must prove, and how it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ocpp_soap.central_system.access import Requirements
from ocpp_soap.central_system.profiles import ACTION_FORMS, SOAP_VERSIONS, Profile
from ocpp_soap.central_system.stations import Station
from ocpp_soap.cli.bounds import Seconds, identity
from ocpp_soap.cli.context import central_system, existing
from ocpp_soap.cli.output import json_option, print_record
from ocpp_soap.setting_types import LONGEST_WAIT

identity_argument = click.argument("charge_box_identity", metavar="ID", type=identity)
_file = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)


@click.command()
@identity_argument
@click.option("--certificate-subject", default="", metavar="DN", help="Parts of the client certificate's subject.")
@click.option("--username", default="", help="HTTP Basic user name; its password is asked for.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Where it may call from; repeatable.")
@json_option
@click.pass_context
def require(
    ctx: click.Context,
    /,
    *,
    charge_box_identity: str,
    certificate_subject: str,
    username: str,
    networks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what every message of the charge point must prove, instead of what was required before.

    Without an option nothing is required. A password comes from the terminal, or from stdin in a script.

    \b
    Examples:
      ocpp-soap stations require CP001 --certificate-subject CN=CP001,O=Acme
      ocpp-soap stations require CP001 --username CP001 --network 10.1.0.0/16
      ocpp-soap stations require CP001
    """
    requirements = Requirements(certificate_subject=certificate_subject, username=username, networks=list(networks))
    password = _password(username)
    with central_system(ctx) as system:
        station = _set(system.access.require, charge_box_identity, requirements, password)
    print_record(station, as_json)


@click.command()
@identity_argument
@click.option(
    "--timeout", type=Seconds(min=0, max=LONGEST_WAIT), default=0.0, help="Seconds for a whole call; 0: calls.timeout."
)
@click.option("--soap-version", type=click.Choice(SOAP_VERSIONS), default="1.2", show_default=True)
@click.option(
    "--action-form",
    type=click.Choice(ACTION_FORMS),
    default="slash",
    show_default=True,
    help="The Action header as /Reset, Reset, or after the namespace.",
)
@click.option("--from/--no-from", "send_from", default=True, show_default=True, help="Send the From header.")
@click.option("--username", default="", help="HTTP Basic user name; its password is asked for.")
@click.option("--ca-file", type=_file, help="PEM file with the authority that signed the charge point's certificate.")
@click.option("--client-certificate", type=_file, help="PEM file with our certificate.")
@click.option("--client-key", type=_file, help="PEM file with its key.")
@json_option
@click.pass_context
def profile(ctx: click.Context, /, *, charge_box_identity: str, username: str, as_json: bool, **values: Any) -> None:
    """Say how the charge point is called, instead of what was said before.

    \b
    Examples:
      ocpp-soap stations profile CP001 --soap-version 1.1 --action-form bare --no-from
      ocpp-soap stations profile CP001 --timeout 90
    """
    files = {name: str(value or "") for name, value in values.items() if name in ("ca_file", *_CLIENT_FILES)}
    made = Profile(username=username, **{**values, **files})
    password = _password(username)
    with central_system(ctx) as system:
        station = _set(system.profiles.set, charge_box_identity, made, password)
    print_record(station, as_json)


_CLIENT_FILES = ("client_certificate", "client_key")


def _password(username: str) -> str:
    if not username:
        return ""
    if sys.stdin.isatty():
        return str(click.prompt(f"Password of {username}", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def _set(change: Any, charge_box_identity: str, value: Any, password: str) -> Station:
    try:
        station: Station | None = change(charge_box_identity, value, password)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return existing(station, f"charge point {charge_box_identity}", "stations list")
