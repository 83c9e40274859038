"""Charging sessions: what is stored of one, and the table of them. ``starting`` and ``stopping`` change them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from ocpp_soap.central_system.collections import TRANSACTIONS
from ocpp_soap.central_system.records import Listing, fold, record_of, select
from ocpp_soap.messages import AuthorizationStatus, Choice, IdTagInfo
from ocpp_soap.storage.base import Document, Range, Storage, Stored

REMEMBERED = 1_000
"""Transactions begun in this process whose document it keeps until they end, so that a stop need not search it."""


class TransactionState(Choice):
    """``orphan``: a stop came for a transaction that this central system did not start."""

    OPEN = "open"
    CLOSED = "closed"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A charging session. Energies are in Wh, times aware; those without ``received`` are the station's.

    ``id_tag_info`` is what the station was told at the start, ``max_concurrent`` the allowance that held then.
    ``inferred``: no stop came, a later start on the connector closed it, or somebody by hand (``closed_by``,
    ``close_reason``); meter and time of the stop are then unknown.
    ``reported_open_at``: when it was told that it is open for too long.
    ``begun_at`` is the start time, of an orphan the stop time; an orphan has no ``transaction_id`` but the one that the
    station named, ``reported_transaction_id``. ``placed_at`` stands for ``start_received_at`` in the order of arrival
    where a transaction that was there before has a later one, from a clock that was ahead.
    """

    charge_box_identity: str
    begun_at: datetime
    state: str = TransactionState.OPEN.value
    transaction_id: int | None = None
    reported_transaction_id: int | None = None
    version: str | None = None
    connector_id: int | None = None
    id_tag: str | None = None
    tag_key: str | None = None
    reservation_id: int | None = None
    start_time: datetime | None = None
    start_received_at: datetime | None = None
    placed_at: datetime | None = None
    meter_start: int | None = None
    id_tag_info: dict[str, Any] = field(default_factory=dict)
    max_concurrent: int = 0
    start_warnings: list[dict[str, str]] = field(default_factory=list)
    inferred: bool = False
    inferred_at: datetime | None = None
    closed_by: str | None = None
    close_reason: str | None = None
    reported_open_at: datetime | None = None
    stop_time: datetime | None = None
    stop_received_at: datetime | None = None
    meter_stop: int | None = None
    stop_id_tag: str | None = None
    stop_warnings: list[dict[str, str]] = field(default_factory=list)

    @property
    def energy(self) -> int | None:
        """Wh between the two meter readings; None while one is missing."""
        return None if self.meter_start is None or self.meter_stop is None else self.meter_stop - self.meter_start

    @property
    def authorization(self) -> str | None:
        """The status of the tag that the station was told at the start."""
        return self.id_tag_info.get("status")

    @property
    def was_accepted(self) -> bool:
        """Whether the station was told that the tag may charge."""
        return self.authorization == AuthorizationStatus.ACCEPTED

    @property
    def arrival(self) -> tuple[datetime, int]:
        """What orders transactions by the arrival of their starts; ids do not, as every process has its own stock."""
        return self.placed_at or self.start_received_at or self.begun_at, self.transaction_id or 0

    @property
    def answered(self) -> IdTagInfo:
        """What the station was told at the start."""
        info = dict(self.id_tag_info)
        status = info.pop("status", AuthorizationStatus.INVALID.value)
        return IdTagInfo(status=AuthorizationStatus(status), **info)


def read(document: Document) -> Transaction:
    """The transaction of a stored document."""
    return record_of(Transaction, document)


class Transactions:
    """The table of charging sessions, orphans included."""

    def __init__(self, store: Storage) -> None:
        self._store = store
        self._begun: OrderedDict[int, Stored] = OrderedDict()

    def get(self, transaction_id: int) -> Transaction | None:
        """The transaction that was given that id, or None."""
        stored = self.find_stored(transaction_id)
        return None if stored is None else read(stored.document)

    def find_stored(self, transaction_id: int) -> Stored | None:
        """The stored document of the transaction that was given that id, or None."""
        items = self._store.find(TRANSACTIONS, {"transaction_id": transaction_id}, limit=1).items
        return items[0] if items else None

    def remember(self, transaction_id: int, stored: Stored) -> None:
        """Keep the document of a transaction that began here, in the place of the one kept longest."""
        self._begun[transaction_id] = stored
        if len(self._begun) > REMEMBERED:
            self._begun.popitem(last=False)

    def find_to_stop(self, transaction_id: int) -> Stored | None:
        """As :meth:`find_stored`, but maybe as it began: replacing it by its revision tells whether it still is so."""
        return self._begun.pop(transaction_id, None) or self.find_stored(transaction_id)

    def open_at(self, charge_box_identity: str, connector_id: int) -> list[tuple[str, Transaction]]:
        """Key and content of a connector's open transactions, the latest last; more than one for moments only."""
        where, order = self.open_of(charge_box_identity)
        found = [pair for pair in self._every(where, order) if pair[1].connector_id == connector_id]
        return sorted(found, key=lambda pair: pair[1].arrival)

    @staticmethod
    def open_of(charge_box_identity: str) -> tuple[Document, str]:
        """What finds a station's open transactions, and in which order."""
        return {"charge_box_identity": charge_box_identity, "state": TransactionState.OPEN.value}, "begun_at"

    @staticmethod
    def latest_at(found: Iterable[Stored], connector_id: int) -> Stored | None:
        """Of the stored transactions, that of the connector whose start arrived last."""
        there = [item for item in found if item.document.get("connector_id") == connector_id]
        return max(there, key=lambda item: read(item.document).arrival, default=None)

    def around(
        self, charge_box_identity: str, connector_id: int, at: datetime
    ) -> tuple[Transaction | None, Transaction | None]:
        """Of a connector's transactions, the last one that had come by a time and the first that came after it.

        Looked for from the latest on, by the times of the station, until one is found that had come.
        """
        earlier: list[Transaction] = []
        later: list[Transaction] = []
        after = None
        while True:
            found = self.list(
                charge_box_identity=charge_box_identity, connector_id=connector_id, descending=True, after=after
            )
            for transaction in found.items:
                (earlier if transaction.arrival[0] <= at else later).append(transaction)
            after = found.next
            if earlier or after is None:
                break
        by_arrival = attrgetter("arrival")
        return max(earlier, key=by_arrival, default=None), min(later, key=by_arrival, default=None)

    def count_open_with(self, tag_key: str) -> int:
        """How many open transactions a tag has."""
        return self._store.count(TRANSACTIONS, {"tag_key": tag_key, "state": TransactionState.OPEN.value})

    def open_with(self, tag_key: str) -> list[Transaction]:
        """The open transactions of a tag that were accepted."""
        where = {"tag_key": tag_key, "state": TransactionState.OPEN.value}
        return [transaction for _, transaction in self._every(where) if transaction.was_accepted]

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        connector_id: int | None = None,
        id_tag: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[Transaction]:
        """The transactions that meet every condition, by the time they began; ``since`` <= begun_at < ``until``."""
        where: dict[str, Any] = {}
        if charge_box_identity is not None:
            where["charge_box_identity"] = charge_box_identity
            if state == TransactionState.OPEN:
                where["state"] = state
        elif id_tag is not None:
            where["tag_key"] = fold(id_tag)
        elif state in (TransactionState.OPEN, TransactionState.ORPHAN):
            where["state"] = state
        if since is not None or until is not None:
            where["begun_at"] = Range(since, until)

        def keep(transaction: Transaction) -> bool:
            return (
                (connector_id is None or transaction.connector_id == connector_id)
                and (id_tag is None or transaction.tag_key == fold(id_tag))
                and (state is None or transaction.state == state)
            )

        return select(
            self._store,
            TRANSACTIONS,
            where,
            read,
            keep=keep,
            order="begun_at",
            descending=descending,
            limit=limit,
            after=after,
        )

    def _every(self, where: dict[str, Any], order: str | None = None) -> Iterator[tuple[str, Transaction]]:
        for page in self._store.find_pages(TRANSACTIONS, where, order=order):
            yield from ((item.key, read(item.document)) for item in page.items)
