"""The table of persistent commands: finding and counting them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocpp_soap.central_system.command_queue.record import Command, CommandState, key_of, read
from ocpp_soap.central_system.fleet_collections import COMMANDS
from ocpp_soap.central_system.records import Listing, select
from ocpp_soap.storage.base import Document, Storage


class CommandTable:
    """All persistent commands, closed ones included."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def get(self, command_id: int) -> Command | None:
        """The command of that number, or None."""
        stored = self._store.get(COMMANDS, key_of(command_id))
        return None if stored is None else read(stored.document)

    def get_many(self, command_ids: Iterable[int]) -> list[Command]:
        """Those of the commands that exist, by number."""
        found = self._store.get_many(COMMANDS, map(key_of, command_ids))
        return [read(found[key].document) for key in sorted(found)]

    def in_line(self, charge_box_identity: str) -> Iterator[Command]:
        """The open commands of a station in the order in which they were created."""
        where = {"charge_box_identity": charge_box_identity, "is_open": True}
        for page in self._store.find_pages(COMMANDS, where, order="created_at"):
            yield from (read(item.document) for item in page.items)

    def counts(self) -> dict[str, int]:
        """How many commands are in each state."""
        return {state.value: self._store.count(COMMANDS, {"state": state.value}) for state in CommandState}

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        state: str | None = None,
        batch_id: int | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[Command]:
        """The commands that meet every condition, in the order in which they were created."""
        where: Document = {}
        if charge_box_identity is not None:
            where["charge_box_identity"] = charge_box_identity
        elif batch_id is not None:
            where["batch_id"] = batch_id
        elif state is not None:
            where["state"] = state

        def keep(command: Command) -> bool:
            return (state is None or command.state == state) and (batch_id is None or command.batch_id == batch_id)

        return select(
            self._store,
            COMMANDS,
            where,
            read,
            keep=keep,
            order="created_at",
            descending=descending,
            limit=limit,
            after=after,
        )
