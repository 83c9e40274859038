"""Meter values: all that arrive are kept as sent, value and unit, whatever transaction they name (15 §4.7, §7.27).

The 1.2 shape and the 1.5 shape are stored alike. A message is keyed by its content, so a retry adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import orjson

from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.collections import METER_VALUES, TRANSACTIONS
from ocpp_soap.central_system.records import (
    Listing,
    canonical,
    digest_of,
    record_of,
    select,
    warning_documents,
)
from ocpp_soap.central_system.texts import LARGEST_DOCUMENT, note, shortened
from ocpp_soap.central_system.transactions import Transaction, Transactions
from ocpp_soap.dispatch import Call, MessageWarning
from ocpp_soap.messages import MeterValue, MeterValuesRequest, SampledValue, StopTransactionRequest
from ocpp_soap.storage.base import Document, Storage, Stored

MOST_SESSIONS = 10_000
"""Sessions of which a process remembers whose they are; that never changes, so it needs no search again."""

LONGEST_VALUE = 100_000
"""Characters above which one value, signed data for example, is stored as several that follow one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRecord:
    """Meter values of one message, or a part of a big one.

    ``samples`` are ``{"timestamp": …, "value": [{"value": "1234", "unit": "Wh", …}]}``, properties as sent.
    ``transaction_id`` is the session they belong to, ``reported_transaction_id`` the one that the station named.
    ``source`` is the action that brought them.
    """

    charge_box_identity: str
    connector_id: int
    timestamp: datetime
    received_at: datetime
    source: str
    version: str
    transaction_id: int | None = None
    reported_transaction_id: int | None = None
    samples: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    @property
    def meter_values(self) -> list[MeterValue]:
        """The samples as the message held them."""
        return [
            MeterValue(timestamp=sample["timestamp"], value=[SampledValue(**value) for value in sample["value"]])
            for sample in self.samples
        ]


class MeterValues:
    """The time series of meter values."""

    def __init__(self, store: Storage) -> None:
        self._store = store
        self._sessions: dict[tuple[str, int], None] = {}

    def add(self, request: MeterValuesRequest, call: CentralSystemCall) -> None:
        """Store the values of a MeterValues.req with the transaction they belong to.

        That is the one named, if it is this station's; where none is named, the open one of the connector, for replayed
        values that which was open when they came.
        """
        entries = _entries(call, request.connector_id, request.transaction_id, request.values)
        named = request.transaction_id if request.transaction_id is not None and request.transaction_id > 0 else 0
        is_known = (call.charge_box_identity, named) in self._sessions
        if is_known or (call.is_replayed and not named):
            transaction_id = named if is_known else self._open_then(request.connector_id, call)
            for _, document in entries:
                document["transaction_id"] = transaction_id
            self._store.write(append={METER_VALUES: entries}, pending=call.pending)
            return
        where, order = ({"transaction_id": named}, None) if named else Transactions.open_of(call.charge_box_identity)

        def session(found: Sequence[Stored]) -> Document:
            mine = [item for item in found if item.document["charge_box_identity"] == call.charge_box_identity]
            session = mine[-1] if mine and named else Transactions.latest_at(mine, request.connector_id)
            if mine and named:
                self._remember(call.charge_box_identity, named)
            return {} if session is None else {"transaction_id": session.document["transaction_id"]}

        self._store.append_found(METER_VALUES, entries, TRANSACTIONS, where, session, order=order, pending=call.pending)

    def _open_then(self, connector_id: int, call: CentralSystemCall) -> int | None:
        """The id of the connector's transaction that was open when a replayed message came; None: there was none.

        A start that was replayed before may have been closed at once, by those that came later.
        """
        latest, _ = Transactions(self._store).around(call.charge_box_identity, connector_id, call.received_at)
        if latest is None or any(
            ended_at is not None and ended_at <= call.received_at
            for ended_at in (latest.stop_received_at, latest.inferred_at)
        ):
            return None
        return latest.transaction_id

    def _remember(self, charge_box_identity: str, transaction_id: int) -> None:
        """Note that a session is one of that station."""
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions = {}
        self._sessions[charge_box_identity, transaction_id] = None

    def add_transaction_data(
        self, request: StopTransactionRequest, call: Call, transaction: Transaction | None
    ) -> None:
        """Store the values that a StopTransaction.req brought, with the transaction that it closes.

        They are on disk on return, or when ``call.pending`` is over.
        """
        values = [value for data in request.transaction_data for value in data.values]
        if values:
            connector_id = transaction.connector_id if transaction else None
            transaction_id = transaction.transaction_id if transaction else None
            entries = _entries(call, connector_id or 0, request.transaction_id, values)
            for _, document in entries:
                document["transaction_id"] = transaction_id
            self._store.write(append={METER_VALUES: entries}, durable=True, pending=call.pending)

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        transaction_id: int | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[MeterRecord]:
        """The values of a transaction by their own time, or of a station by the time of arrival."""
        if (charge_box_identity is None) == (transaction_id is None):
            raise ValueError("name either a station or a transaction")
        by_station = transaction_id is None
        return select(
            self._store,
            METER_VALUES,
            {"charge_box_identity": charge_box_identity} if by_station else {"transaction_id": transaction_id},
            lambda document: record_of(MeterRecord, document),
            order="received_at" if by_station else "timestamp",
            descending=descending,
            limit=limit,
            after=after,
        )


def _entries(
    call: Call,
    connector_id: int,
    reported_transaction_id: int | None,
    values: Iterable[MeterValue],
) -> list[tuple[str, Document]]:
    """The values of a message as what is stored of them but for the transaction, keyed by their content."""
    samples: list[Document] = [
        {"timestamp": _utc(value.timestamp), "value": [_sampled(one) for one in value.value]} for value in values
    ]
    content = orjson.dumps((call.charge_box_identity, call.action.name, connector_id, reported_transaction_id, samples))
    if call.warnings:  # a phase, say, tells one message from another
        content += "".join(warning.sent for warning in call.warnings if warning.kind == "unknown_attribute").encode()
    key = digest_of(content, samples[0]["timestamp"] if samples else None)
    parts = [samples] if len(content) < LARGEST_DOCUMENT else list(_parts(samples, call.warnings))
    common: Document = {
        "charge_box_identity": call.charge_box_identity,
        "connector_id": connector_id,
        "received_at": call.received_at,
        "source": call.action.name,
        "version": call.version.value,
        "reported_transaction_id": reported_transaction_id,
        "warnings": warning_documents(call.warnings),
    }
    entries = []
    for number, part in enumerate(parts):
        timestamp = part[0]["timestamp"] if part else call.received_at
        entries.append((f"{key}-{number}" if number else key, {**common, "timestamp": timestamp, "samples": part}))
    return entries


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is timezone.utc else moment.astimezone(timezone.utc)


def _sampled(value: SampledValue) -> Document:
    """A value with those of its properties that were sent."""
    document: Document = {"value": value.value}
    if value.context is not None:
        document["context"] = value.context
    if value.format is not None:
        document["format"] = value.format
    if value.measurand is not None:
        document["measurand"] = value.measurand
    if value.location is not None:
        document["location"] = value.location
    if value.unit is not None:
        document["unit"] = value.unit
    return document


def _parts(samples: list[Document], warnings: list[MessageWarning]) -> Iterator[list[Document]]:
    """The samples in portions that each fit into a document; one empty portion if there are none."""
    part: list[Document] = []
    size = 0
    for sample in samples:
        for values in _pieces(value for sent in sample["value"] for value in _divided(sent, warnings)):
            more = len(canonical({**sample, "value": values}))
            if part and size + more > LARGEST_DOCUMENT:
                yield part
                part, size = [], 0
            part.append({**sample, "value": values})
            size += more
    yield part


def _divided(value: Document, warnings: list[MessageWarning]) -> Iterator[Document]:
    """A value as one or more that fit into a document each; together their texts are its text."""
    text = value["value"]
    properties = {name: shortened(sent, name, warnings) for name, sent in value.items() if name != "value"}
    if len(text) > LONGEST_VALUE:
        note(warnings, "value_divided", "value", text)
    for begin in range(0, len(text) or 1, LONGEST_VALUE):
        yield {"value": text[begin : begin + LONGEST_VALUE], **properties}


def _pieces(values: Iterable[Document]) -> Iterator[list[Document]]:
    """The values of one instant, in as few lists as fit into a document each."""
    piece: list[Document] = []
    size = 0
    for value in values:
        more = len(canonical(value))
        if piece and size + more > LARGEST_DOCUMENT:
            yield piece
            piece, size = [], 0
        piece.append(value)
        size += more
    yield piece
