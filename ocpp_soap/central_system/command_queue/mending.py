"""Completing what processes left undone that died at a bad moment."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ocpp_soap.central_system.collections import EVENTS
from ocpp_soap.central_system.command_queue.queue import CommandQueue, event_key
from ocpp_soap.central_system.command_queue.record import CommandState, read
from ocpp_soap.central_system.fleet_collections import COMMANDS
from ocpp_soap.storage.base import Document, Range, Storage

ABANDONED = 30.0
"""Seconds after which what is undone is taken for left undone."""

PAGE = 500


class Mending:
    """Looks for commands of which their line does not know, and for ends of commands that were not told as events."""

    def __init__(self, store: Storage, queue: CommandQueue, *, patience: float = ABANDONED) -> None:
        self._store = store
        self._queue = queue
        self._patience = timedelta(seconds=patience)

    def mend(self, mark: Document) -> Document:
        """Mend what went wrong since the mending that returned ``mark``."""
        until = datetime.now(timezone.utc) - self._patience
        self._put_in_line(until)
        self._tell(mark.get("closed_until"), until)
        return {"closed_until": until}

    def _put_in_line(self, until: datetime) -> None:
        """A command whose creator died before it wrote the line is ``created``, and nobody looks at its station.

        One from the future was created before our clock was set back.
        """
        where = {"state": CommandState.CREATED.value}
        found = self._store.find(COMMANDS, where, order="created_at", limit=PAGE).items
        now = datetime.now(timezone.utc)
        undone = [item.document for item in found if not until < item.document["created_at"] <= now]
        for station in self._queue.lines.not_due(now, (document["charge_box_identity"] for document in undone)):
            self._queue.lines.touch(station, now)

    def _tell(self, since: datetime | None, until: datetime) -> None:
        for page in self._store.find_pages(COMMANDS, {"closed_at": Range(since, until)}, limit=PAGE):
            commands = {event_key(command): command for command in (read(item.document) for item in page.items)}
            told = self._store.get_many(EVENTS, commands)
            for key, command in commands.items():
                if key not in told:
                    self._queue.tell(command)
