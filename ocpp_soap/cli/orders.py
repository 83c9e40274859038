"""What ``ocpp-soap call`` is told of the delivery: when, how often, until when."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.payloads import payload_of
from ocpp_soap.central_system.command_queue.record import Command, Delivery
from ocpp_soap.cli.author import author
from ocpp_soap.cli.bounds import COUNT, Seconds
from ocpp_soap.cli.values import time_option
from ocpp_soap.messages import Action
from ocpp_soap.setting_types import LONGEST_WAIT

MARGIN = 5.0
"""Seconds beyond the time-out after which a command that somebody waits for expires, see :func:`patience`."""

_Made = TypeVar("_Made", bound=Callable[..., Any] | click.Command)


@dataclass(frozen=True, kw_only=True)
class Order:
    """How a command is to be delivered."""

    timeout: float | None
    no_wait: bool
    deliver: str
    deadline: datetime | None
    attempts: int | None

    @property
    def is_left_to_others(self) -> bool:
        """Whether the processes that serve deliver it, and not this one."""
        return self.no_wait or self.deliver == Delivery.ON_NEXT_CONTACT

    def create(self, system: CentralSystem, action: Action, request: Any, stations: Sequence[str]) -> list[Command]:
        """Store the commands. One that somebody waits for is tried once, unless more attempts were asked for."""
        deadline, attempts = self.deadline, self.attempts
        if not self.is_left_to_others:
            attempts = attempts or 1
            if attempts == 1 and deadline is None:
                deadline = patience(system, len(stations), timeout=self.timeout)
        return system.command_queue.create(
            action.name,
            payload_of(request),
            stations,
            deliver=self.deliver,
            deadline=deadline,
            max_attempts=attempts,
            timeout=self.timeout,
            by=author(),
        )


def patience(system: CentralSystem, stations: int, each: int = 1, *, timeout: float | None = None) -> datetime:
    """The deadline of commands that somebody waits for and that are tried once: earlier ones may hold them back.

    They are ``each`` so many for so many ``stations``, of which ``commands.workers`` at a time are called.
    """
    rounds = each * math.ceil(stations / system.settings.commands.workers)
    seconds = ((timeout or system.settings.calls.timeout) + MARGIN) * rounds
    return datetime.now(timezone.utc) + timedelta(seconds=seconds)


def delivery_options(made: _Made) -> _Made:
    """Add the options of an :class:`Order`."""
    timeout = Seconds(min=0, min_open=True, max=LONGEST_WAIT)
    for option in (
        click.option(
            "--attempts",
            type=COUNT,
            help="Most attempts.  [default: 1; commands.max_attempts with --no-wait]",
        ),
        click.option(
            "--deadline",
            type=time_option,
            metavar="TIME",
            help="Give up then; a time or +7d.  [default: commands.deadline; one attempt that is waited for has its "
            "time-out and a little]",
        ),
        click.option(
            "--deliver",
            type=click.Choice([str(choice) for choice in Delivery]),
            default=Delivery.NOW.value,
            show_default=True,
            help="on_next_contact: when the charge point next sends a message; implies --no-wait.",
        ),
        click.option("--no-wait", is_flag=True, help="Leave the delivery to the central system."),
        click.option("--timeout", type=timeout, help="Seconds to wait for the answer.  [default: calls.timeout]"),
    ):
        option(made)
    return made
