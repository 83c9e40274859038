"""What is stored of a persistent command and of each attempt to deliver it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocpp_soap.central_system.records import document_of, record_of
from ocpp_soap.messages import Choice
from ocpp_soap.storage.base import Document


class CommandState(Choice):
    """``created``: stored, no worker has looked at it yet; ``queued``: waits for its time, for those before it or for
    the station to speak; ``sending``: an attempt is under way; ``done``: the station answered, whatever it answered.
    """

    CREATED = "created"
    QUEUED = "queued"
    SENDING = "sending"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({CommandState.CREATED, CommandState.QUEUED, CommandState.SENDING})


class Delivery(Choice):
    """When a command is delivered: at once, or when the station sends its next message."""

    NOW = "now"
    ON_NEXT_CONTACT = "on_next_contact"


class Outcome(Choice):
    """How an attempt went. ``interrupted``: its process ended or stalled, so the station may have got it or not."""

    SENDING = "sending"
    ANSWERED = "answered"
    NO_ADDRESS = "no_address"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    BAD_ANSWER = "bad_answer"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    INTERRUPTED = "interrupted"


FINAL_OUTCOMES = frozenset({Outcome.ANSWERED, Outcome.REFUSED, Outcome.NOT_SENT})
"""After these no further attempt is made: a message that got a fault must not be sent again (15 §8.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One message to the station, sent by one process, under its own WS-Addressing ``message_id``.

    It is sent once, and a second time only where :mod:`ocpp_soap.soap.client.repeats` says that this changes nothing.
    ``worker`` is the machine and process that made it, ``woken`` what the wake-up hook said after it failed.
    """

    number: int
    message_id: str
    worker: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = Outcome.SENDING.value
    reason: str = ""
    woken: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request to one station that survives restarts. ``payload`` holds the fields of the request by their names.

    ``timeout`` in seconds is for one attempt; None: ``calls.timeout``. ``due_at`` is when the next attempt is made;
    None: at the next contact. ``answer`` is the response, ``reason`` why it ended otherwise. Commands that were created
    together share a ``batch_id``.
    """

    command_id: int
    charge_box_identity: str
    action: str
    payload: dict[str, Any] = field(default_factory=dict)
    state: str = CommandState.CREATED.value
    is_open: bool = True
    deliver: str = Delivery.NOW.value
    created_at: datetime
    created_by: str = ""
    batch_id: int | None = None
    deadline: datetime
    max_attempts: int
    timeout: float | None = None
    due_at: datetime | None = None
    attempts: list[Attempt] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    reason: str = ""
    cancel_requested_by: str | None = None
    closed_at: datetime | None = None

    @property
    def waits_for_contact(self) -> bool:
        """Whether it is sent only when the station has spoken."""
        return self.deliver == Delivery.ON_NEXT_CONTACT

    @property
    def last_attempt(self) -> Attempt | None:
        """The attempt that was made last."""
        return self.attempts[-1] if self.attempts else None

    @property
    def status(self) -> str | None:
        """The status that the station answered; None where it did not answer or the answer has none."""
        status = (self.answer or {}).get("status")
        return None if status is None else str(status)


def key_of(command_id: int) -> str:
    """The storage key of a command."""
    return f"{command_id:010d}"


def read(document: Mapping[str, Any]) -> Command:
    """The command of a stored document."""
    attempts = [record_of(Attempt, attempt) for attempt in document.get("attempts", ())]
    return record_of(Command, {**document, "attempts": attempts})


def write(command: Command) -> Document:
    """The document of a command."""
    return document_of(command)
