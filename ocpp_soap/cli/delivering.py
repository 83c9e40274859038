"""Delivering persistent commands from the command line and waiting for what comes of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.payloads import response_of
from ocpp_soap.central_system.command_queue.record import Command, CommandState, Outcome
from ocpp_soap.cli.exits import NO_ANSWER, REFUSED
from ocpp_soap.cli.output import print_json, print_table
from ocpp_soap.errors import (
    BadAnswer,
    CallFailed,
    InvalidMessage,
    NoAddress,
    OcppSoapError,
    TimedOut,
    Unreachable,
)

GOOD_ANSWERS = frozenset({"Accepted", "Scheduled", None})

_ERRORS: dict[str, type[OcppSoapError]] = {
    Outcome.NO_ADDRESS: NoAddress,
    Outcome.UNREACHABLE: Unreachable,
    Outcome.TIMED_OUT: TimedOut,
    Outcome.BAD_ANSWER: BadAnswer,
    Outcome.NOT_SENT: InvalidMessage,
}


def deliver(system: CentralSystem, commands: Sequence[Command], *, show_progress: bool = False) -> list[Command]:
    """Deliver the commands from this process, beside any that serves, and return them as they ended."""
    numbers = [command.command_id for command in commands]
    over = threading.Event()
    stations = [command.charge_box_identity for command in commands]
    thread = threading.Thread(
        target=system.command_workers.run_for, args=(stations, over.is_set), name="commands", daemon=True
    )
    thread.start()
    try:
        with click.progressbar(
            length=len(numbers), label="Delivering", file=sys.stderr, hidden=not (show_progress and sys.stderr.isatty())
        ) as progress:
            pause = max(0.02, len(numbers) / 5000)
            system.command_queue.wait(numbers, lambda command: progress.update(1), pause=pause)
    finally:
        over.set()
        system.command_workers.kick()
        thread.join()
    return system.command_queue.get_many(numbers)


def answer_of(command: Command) -> Any:
    """The response to a command that was done. Raises, with its reason, what kept another one from being done."""
    if command.state == CommandState.DONE:
        return response_of(command.action, command.answer or {})
    last = command.last_attempt
    if command.state == CommandState.EXPIRED and last is None:
        raise TimedOut(
            f"{command.charge_box_identity}: {command.action} was not sent in time, since earlier commands wait; "
            f"`ocpp-soap commands list --station {command.charge_box_identity}` shows them"
        )
    kind = _ERRORS.get(last.outcome, CallFailed) if last else CallFailed
    raise kind(last.reason if last and last.reason else command.reason)


def print_commands(commands: Iterable[Command], as_json: bool, filters: Iterable[Any] = ()) -> None:
    """Print commands as a table, or as one JSON document; ``filters`` as for :func:`print_table`."""
    found = list(commands)
    if as_json:
        print_json(found)
        return
    columns = ("ID", "STATION", "ACTION", "STATE", "ANSWER", "ATTEMPTS", "CREATED", "REASON")
    print_table(columns, map(_row, found), nothing="No commands.", filters=filters)


def exit_code(commands: Iterable[Command]) -> int:
    """0 if every station did what it was told, else whether one was not reached or one refused."""
    found = list(commands)
    if any(command.state != CommandState.DONE for command in found):
        return NO_ANSWER
    return REFUSED if any(command.status not in GOOD_ANSWERS for command in found) else 0


def _row(command: Command) -> tuple[Any, ...]:
    return (
        command.command_id,
        command.charge_box_identity,
        command.action,
        command.state,
        command.status or ("confirmed" if command.state == CommandState.DONE else None),
        len(command.attempts),
        command.created_at.replace(microsecond=0),
        command.reason or None,
    )
