"""What ``ocpp-soap call`` is told beside the message: which charge points, when, how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TextIO, TypeVar

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.payloads import payload_of
from ocpp_soap.central_system.command_queue.record import Command, Delivery
from ocpp_soap.central_system.selection import read_conditions, select_stations
from ocpp_soap.cli.author import author
from ocpp_soap.cli.values import time_option
from ocpp_soap.errors import NotFound
from ocpp_soap.messages import Action

MARGIN = 5.0
"""Seconds beyond the time-out after which a command that somebody waits for expires."""

_Made = TypeVar("_Made", bound=Callable[..., Any] | click.Command)


@dataclass(frozen=True)
class Chosen:
    """The charge points of a call: the one of that identity, unless a file or conditions name them."""

    charge_box_identity: str
    bulk: TextIO | None = None
    conditions: tuple[str, ...] = ()

    @property
    def is_one(self) -> bool:
        """Whether it is a call to one charge point, named by its identity."""
        return self.bulk is None and not self.conditions

    def stations(self, system: CentralSystem) -> list[str]:
        """Their identities. Raises NotFound if there is none."""
        if self.is_one:
            return [self.charge_box_identity]
        names = [line.strip() for line in self.bulk or ()]
        found = [name for name in names if name and not name.startswith("#")]
        if self.conditions:
            try:
                conditions = read_conditions(self.conditions)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint="--where") from None
            meeting = [s.charge_box_identity for s in select_stations(system.stations, conditions)]
            found = meeting if self.bulk is None else [name for name in found if name in set(meeting)]
        if not found:
            raise NotFound("no charge point was chosen; `ocpp-soap stations list` shows those known")
        return found


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

    def create(
        self, system: CentralSystem, action: Action, request: Any, stations: Sequence[str], *, waits_for_one: bool
    ) -> list[Command]:
        """Store the commands. One that somebody waits for is tried once, unless more attempts were asked for."""
        deadline, attempts = self.deadline, self.attempts
        if not self.is_left_to_others:
            attempts = attempts or 1
            if waits_for_one and attempts == 1 and deadline is None:
                seconds = (self.timeout or system.settings.calls.timeout) + MARGIN
                deadline = datetime.now(timezone.utc) + timedelta(seconds=seconds)
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


def delivery_options(made: _Made) -> _Made:
    """Add the options of an :class:`Order`."""
    timeout = click.FloatRange(min=0, min_open=True)
    for option in (
        click.option(
            "--attempts",
            type=click.IntRange(min=1),
            help="Most attempts.  [default: 1; commands.max_attempts with --no-wait]",
        ),
        click.option(
            "--deadline",
            type=time_option,
            metavar="TIME",
            help="Give up then; a time or +7d.  [default: commands.deadline]",
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
