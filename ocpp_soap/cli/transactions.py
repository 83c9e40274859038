"""``ocpp-soap transactions``: the charging sessions."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.transactions import Transaction, TransactionState
from ocpp_soap.cli.author import author
from ocpp_soap.cli.bounds import COUNT, NUMBER
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.meter_text import meter_lines
from ocpp_soap.cli.output import json_option, json_text, plain, print_hint, print_json, print_record, print_table
from ocpp_soap.cli.values import time_option
from ocpp_soap.cli.written import written
from ocpp_soap.printable import printable

EXPORTED = (
    "transaction_id",
    "charge_box_identity",
    "connector_id",
    "id_tag",
    "state",
    "start_time",
    "stop_time",
    "meter_start",
    "meter_stop",
    "energy",
    "stop_id_tag",
    "inferred",
    "reservation_id",
    "reported_transaction_id",
    "version",
    "start_received_at",
    "stop_received_at",
)
"""The columns of an export, in this order. Energies are Wh, times RFC 3339 in UTC."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _filters(function: _Command) -> _Command:
    states = click.Choice([str(state) for state in TransactionState])
    for option in (
        click.option("--until", type=time_option, metavar="TIME", help="Only those begun before this time."),
        click.option(
            "--since", type=time_option, metavar="TIME", help="Only those begun at or after this time, e.g. -7d."
        ),
        click.option("--state", type=states, help="Only these; orphan: a stop came whose start is not known."),
        click.option("--id-tag", help="Only those that this tag started."),
        click.option("--connector-id", type=NUMBER, help="Only those on this connector."),
        click.option("--station", "charge_box_identity", metavar="ID", help="Only those of this charge point."),
    ):
        function = option(function)
    return function


@click.group(name="transactions")
def command() -> None:
    """List, show and export transactions."""


@command.command(name="list")
@_filters
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, /, limit: int, as_json: bool, **filters: Any) -> None:
    """List the transactions, the latest first.

    \b
    Examples:
      ocpp-soap transactions list --state open
      ocpp-soap transactions list --station CP001 --since -7d --json
    """
    with central_system(ctx) as system:
        found = first(every(system.transactions.list, descending=True, **filters), limit)
    if as_json:
        print_json([_document(transaction) for transaction in found])
        return
    columns = ("ID", "STATION", "CONNECTOR", "TAG", "STATE", "START", "STOP", "WH")
    print_table(columns, map(_row, found), nothing="No transactions.", filters=filters.values())


@command.command()
@click.argument("transaction_id", type=NUMBER, metavar="ID")
@json_option
@click.pass_context
def show(ctx: click.Context, transaction_id: int, as_json: bool) -> None:
    """Show one transaction with its meter values.

    \b
    Examples:
      ocpp-soap transactions show 17
      ocpp-soap transactions show 17 --json
    """
    with central_system(ctx) as system:
        found = system.transactions.get(transaction_id)
        transaction = existing(found, f"transaction {transaction_id}", "transactions list")
        records = every(system.meter_values.list, transaction_id=transaction_id)
        samples = plain([sample for record in records for sample in record.samples])
    document = {**_document(transaction), "meter_values": samples}
    if as_json:
        print_json(document)
    else:
        print_record({**document, "meter_values": list(meter_lines(samples))})


@command.command()
@click.argument("transaction_id", type=NUMBER, metavar="ID")
@click.option("--reason", required=True, help="Why it is closed; it is recorded.")
@json_option
@click.pass_context
def close(ctx: click.Context, transaction_id: int, reason: str, as_json: bool) -> None:
    """Close a transaction whose stop will not come. If it comes after all, it counts.

    \b
    Example:
      ocpp-soap transactions close 17 --reason "charge point scrapped"
    """
    with central_system(ctx) as system:
        try:
            transaction = system.open_sessions.close(transaction_id, reason, by=author())
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    closed = existing(transaction, f"transaction {transaction_id}", "transactions list")
    print_record(_document(closed), as_json)


@command.command()
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File to write.")
@_filters
@click.option("--limit", type=COUNT, help="The most rows to write.  [default: all]")
@click.pass_context
def export(ctx: click.Context, /, form: str, output: Path | None, limit: int | None, **filters: Any) -> None:
    """Write the transactions, the oldest first, as CSV or JSON Lines to stdout or a file.

    \b
    Examples:
      ocpp-soap transactions export --since 2026-01-01T00:00:00Z --output january.csv
      ocpp-soap transactions export --format jsonl --state closed > closed.jsonl
    """
    with central_system(ctx) as system, written(output, "w") if output else _stdout() as file:
        found: Iterable[Transaction] = every(system.transactions.list, **filters)
        if limit is not None:
            found = first(found, limit)
        count = (_write_csv if form == "csv" else _write_lines)(file, found)
    if output is not None:
        print_hint(f"{output}: {count} {'transaction' if count == 1 else 'transactions'}")


@contextmanager
def _stdout() -> Iterator[IO[str]]:
    yield sys.stdout
    sys.stdout.flush()


def _write_csv(file: IO[str], transactions: Iterable[Transaction]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(EXPORTED)
    count = 0
    for count, transaction in enumerate(transactions, start=1):  # noqa: B007
        document = _document(transaction)
        cells = (document[name] for name in EXPORTED)
        writer.writerow([printable(cell) if isinstance(cell, str) else cell for cell in cells])
    return count


def _write_lines(file: IO[str], transactions: Iterable[Transaction]) -> int:
    count = 0
    for count, transaction in enumerate(transactions, start=1):  # noqa: B007
        document = _document(transaction)
        file.write(json_text({name: document[name] for name in EXPORTED}) + "\n")
    return count


def _document(transaction: Transaction) -> dict[str, Any]:
    document: dict[str, Any] = plain(transaction)
    del document["tag_key"]
    return {**document, "energy": transaction.energy}


def _row(transaction: Transaction) -> tuple[Any, ...]:
    number = transaction.transaction_id
    return (
        transaction.reported_transaction_id if number is None else number,
        transaction.charge_box_identity,
        transaction.connector_id,
        transaction.id_tag or transaction.stop_id_tag,
        f"{transaction.state} (inferred)" if transaction.inferred else transaction.state,
        _seconds(transaction.start_time),
        _seconds(transaction.stop_time),
        transaction.energy,
    )


def _seconds(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(microsecond=0)
