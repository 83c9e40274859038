"""``ocpp-soap files``: diagnostics that charge points uploaded, and firmware that they can fetch."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.record import Command, Delivery
from ocpp_soap.central_system.files.record import StoredFile
from ocpp_soap.central_system.files.transfers import Protocol
from ocpp_soap.central_system.records import every
from ocpp_soap.cli.author import author
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.delivering import answer_of, deliver, print_commands
from ocpp_soap.cli.orders import patience
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record, print_table
from ocpp_soap.cli.values import time_option
from ocpp_soap.cli.written import written
from ocpp_soap.messages import GetDiagnosticsResponse

_station = click.argument("charge_box_identity", metavar="ID")
_over = click.option(
    "--over",
    type=click.Choice([str(choice) for choice in Protocol]),
    default=Protocol.FTP.value,
    show_default=True,
    help="How the file is moved.",
)
_on_contact = click.option(
    "--on-next-contact", is_flag=True, help="Tell the charge point when it next sends a message, and do not wait."
)


@click.group(name="files")
def command() -> None:
    """Get diagnostics from charge points and offer them firmware."""


@command.command()
@_station
@_over
@click.option("--since", "start_time", type=time_option, metavar="TIME", help="Oldest entry wanted, such as -1d.")
@click.option("--until", "stop_time", type=time_option, metavar="TIME", help="Newest entry wanted.")
@_on_contact
@json_option
@click.pass_context
def diagnostics(
    ctx: click.Context, /, *, charge_box_identity: str, over: str, on_next_contact: bool, as_json: bool, **times: Any
) -> None:
    """Have a charge point upload its diagnostics into the file area.

    \b
    Examples:
      ocpp-soap files diagnostics CP001 --since -1d
      ocpp-soap files diagnostics CP001 --over http
    """
    with central_system(ctx) as system:
        made = system.file_transfers.get_diagnostics(
            charge_box_identity, over=Protocol(over), **times, **_how(system, on_next_contact)
        )
        _finish(system, made, on_next_contact, as_json)


@command.command()
@_station
@click.argument("firmware", metavar="NAME")
@_over
@click.option("--retrieve-date", type=time_option, metavar="TIME", default="now", help="Fetch it after this time.")
@_on_contact
@json_option
@click.pass_context
def update(
    ctx: click.Context,
    /,
    *,
    charge_box_identity: str,
    firmware: str,
    over: str,
    retrieve_date: datetime,
    on_next_contact: bool,
    as_json: bool,
) -> None:
    """Have a charge point fetch and install a firmware file of the file area.

    \b
    Example:
      ocpp-soap files update CP001 acme-2.1.bin --retrieve-date +1h
    """
    with central_system(ctx) as system:
        try:
            made = system.file_transfers.update_firmware(
                charge_box_identity, firmware, retrieve_date, over=Protocol(over), **_how(system, on_next_contact)
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        _finish(system, made, on_next_contact, as_json)


@command.command(name="add-firmware")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="Name under which it is offered.  [default: that of the file]")
@click.pass_context
def add_firmware(ctx: click.Context, file: Path, name: str) -> None:
    """Add a firmware file to the file area.

    \b
    Example:
      ocpp-soap files add-firmware acme-2.1.bin
    """
    with central_system(ctx) as system:
        try:
            print_hint(f"{system.files.add_firmware(file, name)}: can be offered now")
        except ValueError as error:
            raise click.UsageError(str(error)) from None


@command.command()
@json_option
@click.pass_context
def firmware(ctx: click.Context, as_json: bool) -> None:
    """List the firmware files that can be offered.

    \b
    Example:
      ocpp-soap files firmware
    """
    with central_system(ctx) as system:
        found = [{"name": file.name, "size": file.stat().st_size} for file in system.files.firmware()]
    if as_json:
        print_json(found)
    else:
        rows = (tuple(entry.values()) for entry in found)
        print_table(("NAME", "BYTES"), rows, nothing="No firmware; `ocpp-soap files add-firmware FILE` adds one.")


@command.command(name="list")
@click.option("--station", "charge_box_identity", metavar="ID", help="Only those of this charge point.")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, charge_box_identity: str | None, limit: int, as_json: bool) -> None:
    """List the files that charge points uploaded, the latest first.

    \b
    Example:
      ocpp-soap files list --station CP001
    """
    with central_system(ctx) as system:
        found = first(every(system.files.list, descending=True, charge_box_identity=charge_box_identity), limit)
    if as_json:
        print_json(found)
        return
    columns = ("ID", "STATION", "NAME", "BYTES", "RECEIVED", "COMMAND")
    rows = ((f.file_id, f.charge_box_identity, f.name, f.size, f.received_at, f.command_id) for f in found)
    print_table(columns, rows, nothing="No files were uploaded.", filters=[charge_box_identity])


@command.command()
@click.argument("file_id", metavar="FILE")
@click.option(
    "--output", type=click.Path(path_type=Path), help="File to write.  [default: a new one of its own name, here]"
)
@click.pass_context
def get(ctx: click.Context, file_id: str, output: Path | None) -> None:
    """Copy an uploaded file out of the file area.

    \b
    Example:
      ocpp-soap files get 3f9c2d7a80b1e645 --output diagnostics.zip
    """
    with central_system(ctx) as system:
        found = _find(system, file_id)
        target = output or Path(found.name)
        with system.files.path_of(found).open("rb") as source, written(target, "wb" if output else "xb") as copy:
            shutil.copyfileobj(source, copy)
    print_hint(f"{target}: {found.size} bytes of {found.charge_box_identity}")


@command.command()
@click.argument("file_id", metavar="FILE")
@click.pass_context
def remove(ctx: click.Context, file_id: str) -> None:
    """Delete an uploaded file.

    \b
    Example:
      ocpp-soap files remove 3f9c2d7a80b1e645
    """
    with central_system(ctx) as system:
        _find(system, file_id)
        system.files.remove(file_id)


def _how(system: CentralSystem, on_next_contact: bool) -> dict[str, Any]:
    if on_next_contact:
        return {"by": author(), "deliver": Delivery.ON_NEXT_CONTACT.value}
    return {"by": author(), "max_attempts": 1, "deadline": patience(system, 1)}


def _finish(system: CentralSystem, made: Command, on_next_contact: bool, as_json: bool) -> None:
    if on_next_contact:
        print_commands([made], as_json)
        return
    (done,) = deliver(system, [made])
    answer = answer_of(done)
    if as_json:
        print_json(answer)
    else:
        print_record(answer)
        if answer == GetDiagnosticsResponse():
            print_hint("The charge point has nothing to upload.")
        else:
            print_hint("The charge point has confirmed; `ocpp-soap stations show` tells how the transfer goes.")


def _find(system: CentralSystem, file_id: str) -> StoredFile:
    return existing(system.files.get(file_id), f"file {file_id}", "files list")
