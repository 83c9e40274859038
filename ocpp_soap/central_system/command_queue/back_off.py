"""When a command is tried, and tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from ocpp_soap.central_system.command_queue.lines import MARGIN
from ocpp_soap.central_system.command_queue.record import Command


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses between attempts in seconds: ``first`` after the first that failed, doubled each time up to ``longest``.

    Each is up to a quarter longer by chance, so that the stations of one failed network do not come back all at once.
    """

    first: float
    longest: float

    def next_due(self, attempts: int, at: datetime) -> datetime:
        """When to try again after that many attempts, the last of which failed ``at`` that time."""
        pause = min(self.first * 2.0 ** min(attempts - 1, 30), self.longest)
        return at + timedelta(seconds=pause * (1 + random.random() / 4))  # noqa: S311

    def ready_at(self, command: Command, contact_at: datetime | None, now: datetime) -> datetime | None:
        """When the command may be tried, given the time of the station's last message; None: at its next message.

        A station that speaks is tried at once, but not sooner than ``first`` seconds after an attempt that failed. Of a
        command that was created or tried in the future our clock was set back since: its times do not count.
        """
        times = [] if command.due_at is None else [command.due_at]
        last = command.last_attempt
        since = last.started_at if last else command.created_at
        if since > now + timedelta(seconds=MARGIN):
            return now if times else contact_at
        if contact_at is not None and contact_at > since:
            earliest = (last.ended_at or last.started_at) + timedelta(seconds=self.first) if last else contact_at
            times.append(max(contact_at, earliest))
        return min(times, default=None)
