"""``ocpp-soap messages``: the journal of messages, and the envelopes that were kept because energy flowed."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.journal_entries import JournalEntry
from ocpp_soap.central_system.kept import UNDERSTOOD, KeptEnvelope, KeptState
from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.replaying import replay as replay_again
from ocpp_soap.central_system.replaying import text_of
from ocpp_soap.cli.context import central_system, first, limit_option
from ocpp_soap.cli.exits import FAILED
from ocpp_soap.cli.output import json_option, plain, print_hint, print_json, print_record, print_table
from ocpp_soap.cli.values import time_option
from ocpp_soap.errors import NotFound


@click.group(name="messages")
def command() -> None:
    """See what was said, and replay what was not understood."""


@command.command(name="list")
@click.option("--station", "charge_box_identity", metavar="ID", help="Only those of this charge point.")
@click.option("--action", help="Only those of this action, such as StartTransaction.")
@click.option("--outcome", help="Only those that ended so: ok, ProtocolError, Unreachable ….")
@click.option("--since", type=time_option, metavar="TIME", help="Only those at or after this time, e.g. -1h.")
@click.option("--until", type=time_option, metavar="TIME", help="Only those before this time.")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, /, limit: int, as_json: bool, **filters: Any) -> None:
    """List the messages in both directions, the latest first.

    \b
    Examples:
      ocpp-soap messages list --station CP001 --since -1h
      ocpp-soap messages list --outcome ProtocolError --json
    """
    with central_system(ctx) as system:
        entries = first(every(system.journal.list, descending=True, **filters), limit)
    if as_json:
        print_json(entries)
        return
    columns = ("MESSAGE", "TIME", "STATION", "", "ACTION", "OUTCOME", "MS", "WARNINGS")
    print_table(
        columns,
        map(_row, entries),
        nothing="No messages; journal.enabled tells whether they are kept.",
        filters=filters.values(),
    )


@command.command()
@click.argument("message")
@json_option
@click.pass_context
def show(ctx: click.Context, message: str, as_json: bool) -> None:
    """Show one message of the journal, or one kept envelope, with its bytes if they were kept.

    \b
    Examples:
      ocpp-soap messages show 01J9Z3…
      ocpp-soap messages kept --json | jq -r '.[0].id' | xargs ocpp-soap messages show
    """
    with central_system(ctx) as system:
        document = _found(system, message)
    print_record(document, as_json)


@command.command()
@click.option("--state", type=click.Choice([str(state) for state in KeptState]), help="Only these.")
@limit_option
@json_option
@click.pass_context
def kept(ctx: click.Context, state: str | None, limit: int, as_json: bool) -> None:
    """List the starts, stops and meter values that were not understood, which a charge point does not send again.

    They got a fault, or hold a value in a shape that is not known (unread_value). PROOF is missing where one did not
    prove what `stations require` demands of its charge point: anyone may have sent it.

    \b
    Example:
      ocpp-soap messages kept --state kept
    """
    with central_system(ctx) as system:
        envelopes = first(every(system.kept.list, state=state), limit)
    if as_json:
        print_json(envelopes)
        return
    columns = ("MESSAGE", "TIME", "STATION", "ACTION", "OUTCOME", "STATE", "PROOF")
    print_table(columns, map(_kept_row, envelopes), nothing="No envelope had to be kept.", filters=[state])


@command.command()
@click.argument("messages", nargs=-1, metavar="[MESSAGE]...")
@click.option(
    "--all",
    "every_one",
    is_flag=True,
    help="All that are kept and were not understood since, but for those whose proof is missing.",
)
@json_option
@click.pass_context
def replay(ctx: click.Context, messages: tuple[str, ...], every_one: bool, as_json: bool) -> None:
    """Let the central system read kept envelopes again, when what was wrong is mended: a handler, a setting, a version.

    What is understood now is stored with the time at which it was received. The exit code is 1 if one is still not
    understood. One that did not prove what `stations require` demands of its charge point is believed only if it is
    named.

    \b
    Examples:
      ocpp-soap messages replay 3f2a90…
      ocpp-soap messages replay --all
    """
    if bool(messages) == every_one:
        raise click.UsageError("name messages, or give --all")
    with central_system(ctx) as system:
        if every_one:
            kept_now = list(every(system.kept.list, state=KeptState.KEPT.value))
            envelopes = [envelope for envelope in kept_now if not envelope.is_unproven]
            _tell_passed_over(len(kept_now) - len(envelopes))
        else:
            envelopes = [_kept(system, message) for message in messages]
        outcomes = [_replayed(system, envelope, is_named=not every_one) for envelope in envelopes]
    if as_json:
        print_json(outcomes)
    else:
        columns = ("MESSAGE", "STATION", "ACTION", "OUTCOME")
        print_table(columns, (tuple(outcome.values()) for outcome in outcomes), nothing="No envelope is kept.")
    if any(outcome["outcome"] != UNDERSTOOD for outcome in outcomes):
        ctx.exit(FAILED)


@command.command()
@click.argument("messages", nargs=-1, metavar="[MESSAGE]...")
@click.option("--replayed", "every_replayed", is_flag=True, help="All that were understood when they were replayed.")
@json_option
@click.pass_context
def remove(ctx: click.Context, messages: tuple[str, ...], every_replayed: bool, as_json: bool) -> None:
    """Remove kept envelopes: those that were replayed, or that nobody will ever understand.

    What a replay has stored stays.

    \b
    Examples:
      ocpp-soap messages remove 3f2a90…
      ocpp-soap messages remove --replayed
    """
    if bool(messages) == every_replayed:
        raise click.UsageError("name messages, or give --replayed")
    with central_system(ctx) as system:
        if every_replayed:
            envelopes = list(every(system.kept.list, state=KeptState.REPLAYED.value))
        else:
            envelopes = [_kept(system, message) for message in messages]
        removed = [envelope for envelope in envelopes if system.kept.remove(envelope.id)]
    if as_json:
        print_json([{"id": envelope.id} for envelope in removed])
    else:
        click.echo(f"Removed: {len(removed)}.")


def _tell_passed_over(number: int) -> None:
    if number:
        print_hint(
            f"Passed over: {number}, which did not prove that they are from the charge points they name; "
            "`ocpp-soap messages kept` shows them, name those that you believe."
        )


def _replayed(system: CentralSystem, envelope: KeptEnvelope, *, is_named: bool) -> dict[str, Any]:
    exchanged = replay_again(system, envelope, is_named=is_named)
    identity = exchanged.charge_box_identity or envelope.charge_box_identity
    return {"id": envelope.id, "station": identity, "action": envelope.action, "outcome": exchanged.outcome}


def _found(system: CentralSystem, message: str) -> dict[str, Any]:
    entry: JournalEntry | None = system.journal.get(message)
    if entry is not None:
        return dict(plain(entry))
    envelope = _kept(system, message)
    return {**plain(envelope), "request": text_of(system, envelope)}


def _kept(system: CentralSystem, message: str) -> KeptEnvelope:
    envelope = system.kept.get(message)
    if envelope is None:
        raise NotFound(f"there is no message {message}; `ocpp-soap messages list` and `… kept` show those there are")
    return envelope


def _row(entry: JournalEntry) -> tuple[Any, ...]:
    action = f"{entry.action} x {entry.count}" if entry.count > 1 else entry.action
    direction = "←" if entry.direction == "in" else "→"
    warnings = ", ".join(sorted({warning["kind"] for warning in entry.warnings})) or None
    identity = entry.charge_box_identity
    return (
        entry.id,
        _seconds(entry.at),
        identity,
        direction,
        action,
        entry.outcome,
        round(entry.milliseconds),
        warnings,
    )


def _kept_row(envelope: KeptEnvelope) -> tuple[Any, ...]:
    return (
        envelope.id,
        _seconds(envelope.at),
        envelope.charge_box_identity,
        envelope.action,
        envelope.outcome,
        envelope.state,
        "missing" if envelope.is_unproven else None,
    )


def _seconds(time: datetime) -> datetime:
    return time.astimezone(timezone.utc).replace(microsecond=0)
