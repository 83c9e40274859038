"""Persistent commands: made, cancelled, and closed when their time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ocpp_soap.central_system.command_queue.lines import Lines
from ocpp_soap.central_system.command_queue.payloads import payload_of, request_of
from ocpp_soap.central_system.command_queue.record import (
    Command,
    CommandState,
    Delivery,
    key_of,
    read,
    write,
)
from ocpp_soap.central_system.command_queue.table import CommandTable
from ocpp_soap.central_system.command_queue.transitions import closed, why_expired
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.fleet_collections import COMMAND_ID, COMMANDS
from ocpp_soap.central_system.masking import masked_text
from ocpp_soap.central_system.records import revise
from ocpp_soap.central_system.stations import Stations
from ocpp_soap.storage.base import Document, Storage

AT_ONCE = 500


class CommandQueue(CommandTable):
    """The persistent commands and what is done with them.

    ``deadline`` in seconds and ``max_attempts`` are for commands that name none.
    """

    def __init__(
        self, store: Storage, stations: Stations, events: Events, *, deadline: float, max_attempts: int
    ) -> None:
        super().__init__(store)
        self._stations = stations
        self._events = events
        self._deadline = deadline
        self._max_attempts = max_attempts
        self.lines = Lines(store)
        self.on_due: Callable[[], None] = lambda: None
        self.on_closed: list[Callable[[Command], None]] = []

    def create(
        self,
        action: str,
        payload: Mapping[str, Any],
        charge_box_identities: Iterable[str],
        *,
        deliver: str = Delivery.NOW.value,
        deadline: datetime | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
        by: str = "",
    ) -> list[Command]:
        """Store the same command for each of the stations, in their order, and have the workers begin.

        Raises InvalidMessage for a wrong action or payload, NotFound for a station that is not known, ValueError for
        another way to ``deliver`` than those of :class:`Delivery`.
        """
        request = request_of(action, payload)
        stations = list(dict.fromkeys(charge_box_identities))
        self._stations.check_known(stations)
        now = datetime.now(timezone.utc)
        last = self._store.increment(COMMAND_ID, max(len(stations), 1))
        template = Command(
            command_id=0,
            charge_box_identity="",
            action=action,
            payload=payload_of(request),
            deliver=Delivery(deliver).value,
            created_at=now,
            created_by=by,
            batch_id=last if len(stations) > 1 else None,
            deadline=deadline or now + timedelta(seconds=self._deadline),
            max_attempts=max_attempts or self._max_attempts,
            timeout=timeout,
            due_at=now if deliver == Delivery.NOW else None,
        )
        commands = [
            replace(template, command_id=number, charge_box_identity=station)
            for number, station in enumerate(stations, start=last - len(stations) + 1)
        ]
        self._store_new(commands)
        return commands

    def cancel(self, command_id: int, *, by: str = "") -> Command | None:
        """Withdraw a command; None: there is none of that number.

        One that is being sent is still decided by the answer; without one it is not tried again. A closed one stays.
        """
        now = datetime.now(timezone.utc)

        def cancelled(command: Command) -> Command | None:
            if not command.is_open or command.cancel_requested_by is not None:
                return None
            if command.state == CommandState.SENDING:
                return replace(command, cancel_requested_by=by or "somebody")
            return closed(command, CommandState.CANCELLED, f"cancelled by {by or 'somebody'}", now)

        return self.change(command_id, cancelled)

    def expire(self, command_id: int, reason: str) -> Command | None:
        """Close a command whose deadline is over, unless it is being sent."""
        now = datetime.now(timezone.utc)

        def expired(command: Command) -> Command | None:
            if not command.is_open or command.state == CommandState.SENDING or command.deadline > now:
                return None
            return closed(command, CommandState.EXPIRED, reason, now)

        return self.change(command_id, expired)

    def change(
        self, command_id: int, change: Callable[[Command], Command | None], *, durable: bool = True
    ) -> Command | None:
        """Change a command so that no other's write is lost; its end is told as an event."""
        was_open = False

        def changed(document: Document) -> Document | None:
            nonlocal was_open
            before = read(document)
            was_open = before.is_open
            after = change(before)
            return None if after is None else write(after)

        stored = revise(self._store, COMMANDS, key_of(command_id), changed, durable=durable)
        if stored is None:
            return None
        command = read(stored.document)
        if was_open and not command.is_open:
            self.tell(command)
        return command

    def wait(self, command_ids: Iterable[int], told: Callable[[Command], None], *, pause: float) -> None:
        """Return when all are closed; ``told`` is called for each when it is. The store is asked every ``pause`` s."""
        waiting = set(command_ids)
        while True:
            now = datetime.now(timezone.utc)
            for command in self.get_many(waiting):
                if command.is_open and command.deadline <= now:
                    self.expire(command.command_id, why_expired(command))
                elif not command.is_open:
                    waiting.discard(command.command_id)
                    told(command)
            if not waiting:
                return
            time.sleep(pause)

    def heard(self, times: dict[str, datetime]) -> bool:
        """Stations have spoken at those times: what waits for them is due. Returns whether any command waits."""
        found = self.lines.contacted(times)
        if found:
            self.on_due()
        return found is not None

    def _store_new(self, commands: Sequence[Command]) -> None:
        if len(commands) == 1:
            self._store.create(COMMANDS, key_of(commands[0].command_id), write(commands[0]), durable=True)
        else:
            for begin in range(0, len(commands), AT_ONCE):
                some = {key_of(command.command_id): write(command) for command in commands[begin : begin + AT_ONCE]}
                self._store.write(put={COMMANDS: some}, durable=True)
        for command in commands:
            self.lines.touch(command.charge_box_identity, command.created_at)
        self.on_due()

    def tell(self, command: Command) -> None:
        """Add the event of a command's end, unless it is there, and let those know who learn from it."""
        for learn in self.on_closed:
            learn(command)
        self._events.add(
            f"command.{command.state}",
            command.charge_box_identity,
            key=event_key(command),
            command_id=command.command_id,
            action=command.action,
            status=command.status,
            reason=masked_text(command.reason) or None,
            attempts=len(command.attempts),
        )


def event_key(command: Command) -> str:
    """The key of the event of a command's end."""
    return f"command:{command.command_id}:{command.state}"
