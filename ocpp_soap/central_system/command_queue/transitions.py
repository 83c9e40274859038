"""How a command changes: each function gives the command as it is afterwards, or None where nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ocpp_soap.central_system.command_queue.back_off import BackOff
from ocpp_soap.central_system.command_queue.record import (
    FINAL_OUTCOMES,
    OPEN_STATES,
    Attempt,
    Command,
    CommandState,
    Outcome,
)


@dataclass(frozen=True)
class Result:
    """How an attempt ended; ``answer`` holds the fields of the response.

    ``is_final``: the station has done it, so that it is not told again although what it answered is not kept.
    """

    outcome: Outcome
    reason: str = ""
    answer: dict[str, Any] | None = None
    is_final: bool = False


def closed(command: Command, state: CommandState, reason: str, at: datetime) -> Command:
    """The command at its end."""
    return replace(command, state=state.value, is_open=state in OPEN_STATES, reason=reason, closed_at=at, due_at=None)


def queued(command: Command) -> Command | None:
    """A worker has looked at it and it must wait."""
    return replace(command, state=CommandState.QUEUED.value) if command.state == CommandState.CREATED else None


def begun(command: Command, attempt: Attempt) -> Command | None:
    """The command with its next attempt, unless somebody else has closed it or has begun one."""
    if not command.is_open or command.state == CommandState.SENDING or len(command.attempts) + 1 != attempt.number:
        return None
    return replace(command, state=CommandState.SENDING.value, attempts=[*command.attempts, attempt])


def ended(command: Command, number: int, result: Result, back_off: BackOff, now: datetime) -> Command | None:
    """The command after its attempt of that number. An answer counts also when it was no longer expected."""
    before = command.attempts[number - 1]
    if before.outcome not in (Outcome.SENDING, Outcome.INTERRUPTED) or before.outcome == result.outcome:
        return None
    attempt = replace(before, ended_at=now, outcome=result.outcome.value, reason=result.reason)
    command = _with(command, attempt)
    if command.state == CommandState.DONE or number < len(command.attempts):
        return command
    if result.outcome is Outcome.ANSWERED:
        return closed(replace(command, answer=result.answer), CommandState.DONE, "", now)
    return _not_answered(command, result, back_off, now) if command.is_open else command


def _not_answered(command: Command, result: Result, back_off: BackOff, now: datetime) -> Command:
    reason = f"{result.outcome}: {result.reason}"
    attempts = len(command.attempts)
    if command.cancel_requested_by is not None:
        return closed(command, CommandState.CANCELLED, f"cancelled by {command.cancel_requested_by}", now)
    if result.is_final or result.outcome in FINAL_OUTCOMES or attempts >= command.max_attempts:
        return closed(command, CommandState.FAILED, reason, now)
    if command.waits_for_contact:
        due = None
    else:
        due = now if result.outcome is Outcome.INTERRUPTED else back_off.next_due(attempts, now)
    return replace(command, state=CommandState.QUEUED.value, reason=reason, due_at=due)


def woken(command: Command, number: int, said: str) -> Command:
    """The command with what the wake-up hook said after the attempt of that number."""
    return _with(command, replace(command.attempts[number - 1], woken=said))


def why_expired(command: Command) -> str:
    """The reason of a command whose deadline is over."""
    last = command.last_attempt
    return f"its deadline is over; the last attempt: {last.outcome}" if last else "its deadline is over"


def _with(command: Command, attempt: Attempt) -> Command:
    """The command with another state of one of its attempts."""
    number = attempt.number
    return replace(command, attempts=[*command.attempts[: number - 1], attempt, *command.attempts[number:]])
