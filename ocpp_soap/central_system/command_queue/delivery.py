"""Delivering the commands of one station, one after the other, by the worker that has claimed its line.

What is written when: an attempt is on disk before its message is sent, and is sent once, by whoever wrote it. A worker
that finds a command ``sending`` in a line that it has knows that its sender died or lost the line, calls that attempt
``interrupted`` and decides whether there is another one. One that has lost its line itself leaves it to who has it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import structlog

from ocpp_soap.central_system.command_queue import transitions
from ocpp_soap.central_system.command_queue.back_off import BackOff
from ocpp_soap.central_system.command_queue.lines import MARGIN, Claim
from ocpp_soap.central_system.command_queue.payloads import payload_of, request_of
from ocpp_soap.central_system.command_queue.queue import CommandQueue
from ocpp_soap.central_system.command_queue.record import Attempt, Command, CommandState, Outcome
from ocpp_soap.central_system.command_queue.transitions import Result
from ocpp_soap.central_system.command_queue.wake_up import WakeUp
from ocpp_soap.central_system.periodic import ThisProcess
from ocpp_soap.central_system.records import canonical
from ocpp_soap.central_system.texts import LARGEST_DOCUMENT, LONGEST_TEXT
from ocpp_soap.errors import (
    BadAnswer,
    InvalidMessage,
    NoAddress,
    OcppSoapError,
    Refused,
    StorageError,
    TimedOut,
    Unreachable,
)

Send = Callable[[str, Any, float, str], Any]
"""Sends a request: identity, request, timeout in seconds, MessageID -> response; raises the CallFailed tree."""

_OUTCOMES: tuple[tuple[type[OcppSoapError], Outcome], ...] = (
    (NoAddress, Outcome.NO_ADDRESS),
    (Unreachable, Outcome.UNREACHABLE),
    (TimedOut, Outcome.TIMED_OUT),
    (BadAnswer, Outcome.BAD_ANSWER),
    (Refused, Outcome.REFUSED),
    (InvalidMessage, Outcome.NOT_SENT),
)
_NOT_REACHED = frozenset({Outcome.NO_ADDRESS, Outcome.UNREACHABLE, Outcome.TIMED_OUT})

_log = structlog.get_logger("ocpp_soap.central_system")


class Delivery:
    """What a worker does with a claimed line.

    ``timeout_of`` gives the seconds that an attempt may take; the line is leased for ``margin`` seconds more.
    """

    def __init__(
        self,
        queue: CommandQueue,
        send: Send,
        *,
        back_off: BackOff,
        timeout_of: Callable[[Command], float],
        wake_up: WakeUp,
        margin: float = MARGIN,
    ) -> None:
        self._queue = queue
        self._send = send
        self._back_off = back_off
        self._timeout_of = timeout_of
        self._wake_up = wake_up
        self._margin = margin

    def work_on(self, claim: Claim) -> None:
        """Deliver what is due in a claimed line, then let go of it."""
        current: Claim | None = claim
        while current is not None:
            command, next_due, is_empty = self._choose(current)
            if command is not None:
                current = self._deliver(current, command)
            else:
                current = self._queue.lines.release(current, next_due, is_empty=is_empty)

    def _choose(self, claim: Claim) -> tuple[Command | None, datetime | None, bool]:
        """The command to try now; else when to look again (None: at the next contact), and whether nothing is open.

        A command that waits for its time holds back all behind it. One that waits for the station to speak holds back
        only those that do so too.
        """
        now = datetime.now(timezone.utc)
        next_due: list[datetime] = []
        waits, is_blocked = False, False
        for found in self._queue.in_line(claim.line.charge_box_identity):
            if found.state == CommandState.SENDING and not self._queue.lines.is_held(claim):
                return None, None, False
            command = self._settled(found, now)
            if command is None or not command.is_open:
                continue
            next_due.append(command.deadline)
            if not (is_blocked or (waits and command.waits_for_contact)):
                ready = self._back_off.ready_at(command, claim.line.contact_at, now)
                if ready is None:
                    waits = True
                elif ready <= now:
                    return command, None, False
                else:
                    next_due.append(ready)
                    is_blocked = True
            if command.state == CommandState.CREATED:
                self._queue.change(command.command_id, transitions.queued, durable=False)
        return None, min(next_due, default=None), not next_due

    def _settled(self, command: Command, now: datetime) -> Command | None:
        """The command with what time, and the fate of its last sender, have made of it."""
        settled: Command | None = command
        if command.state == CommandState.SENDING:
            result = Result(Outcome.INTERRUPTED, "the process that sent it ended or stalled")
            settled = self._end(command, len(command.attempts), result, now)
        if settled is not None and settled.is_open and settled.deadline <= now:
            return self._queue.expire(settled.command_id, transitions.why_expired(settled))
        return settled

    def _deliver(self, claim: Claim, command: Command) -> Claim | None:
        timeout = self._timeout_of(command)
        kept = self._queue.lines.keep(claim, timeout + self._margin)
        if kept is None:
            return None
        attempt = Attempt(
            number=len(command.attempts) + 1,
            message_id=f"urn:uuid:{uuid4()}",
            worker=ThisProcess.name,
            started_at=datetime.now(timezone.utc),
        )
        begun = self._queue.change(command.command_id, lambda c: transitions.begun(c, attempt))
        if begun is None or begun.last_attempt is None or begun.last_attempt.message_id != attempt.message_id:
            return kept
        result = self._call(begun, attempt, timeout)
        after = self._end(begun, attempt.number, result, datetime.now(timezone.utc))
        if after is not None and after.is_open and result.outcome in _NOT_REACHED and not after.waits_for_contact:
            return self._wake(kept, after, attempt.number)
        return kept

    def _end(self, command: Command, number: int, result: Result, now: datetime) -> Command | None:
        return self._queue.change(
            command.command_id, lambda found: transitions.ended(found, number, result, self._back_off, now)
        )

    def _call(self, command: Command, attempt: Attempt, timeout: float) -> Result:
        try:
            request = request_of(command.action, command.payload)
            response = self._send(command.charge_box_identity, request, timeout, attempt.message_id)
        except StorageError:
            raise
        except OcppSoapError as error:
            outcome = next((o for kind, o in _OUTCOMES if isinstance(error, kind)), Outcome.BAD_ANSWER)
            return Result(outcome, str(error)[:LONGEST_TEXT])
        except Exception as error:
            _log.exception("the call of a command failed", command_id=command.command_id, action=command.action)
            return Result(Outcome.BAD_ANSWER, f"{type(error).__name__}; the log has the details")
        answer = payload_of(response)
        size = len(canonical(answer))
        if size > LARGEST_DOCUMENT:
            reason = f"answered {size} characters, of which {LARGEST_DOCUMENT} can be kept"
            return Result(Outcome.BAD_ANSWER, reason, is_final=True)
        return Result(Outcome.ANSWERED, answer=answer)

    def _wake(self, claim: Claim, command: Command, number: int) -> Claim | None:
        now = datetime.now(timezone.utc)
        last = claim.line.woken_at
        is_too_soon = last is not None and abs(now - last) < timedelta(seconds=self._wake_up.interval)
        if not self._wake_up.is_on or is_too_soon:
            return claim
        kept = self._queue.lines.keep(claim, self._margin, woken_at=now)
        if kept is not None:
            said = self._wake_up.wake(command)
            self._queue.change(command.command_id, lambda found: transitions.woken(found, number, said), durable=False)
        return kept
