"""A bridge for hardware that is read and written in turns: from its readings to documents, from commands to outputs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ocpp_soap.charge_point.chargebox.exchange import (
    ANSWERED,
    CONNECTORS,
    FAILED,
    RECEIVED,
    START_TRANSACTIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
    Exchange,
)
from ocpp_soap.charge_point.connector import HARMLESS
from ocpp_soap.messages import ChargePointErrorCode, ChargePointStatus
from ocpp_soap.storage.base import Document

_NO_ERROR = ChargePointErrorCode.NO_ERROR
_REMEMBERED = ("start", "started_by", "parent", "authorised", "stopping", "stop_tag")


@dataclass(frozen=True)
class Readings:
    """What hardware says of a connector: the register in Wh, the power in W, a tag that is held to it."""

    plugged: bool = False
    charging: bool = False
    energy: float = 0.0
    power: float = 0.0
    id_tag: str = ""
    error_code: ChargePointErrorCode = _NO_ERROR


@dataclass(frozen=True)
class Outputs:
    """What hardware is told: whether energy may flow, and whether the cable is locked."""

    enabled: bool = False
    locked: bool = False


class Hardware(Protocol):
    """A controller. Any method may raise: it is asked again in the next turn."""

    def answers(self) -> bool:
        """Tell whether it is there."""

    def read(self, connector_id: int) -> Readings:
        """The present readings of a connector."""

    def write(self, connector_id: int, outputs: Outputs) -> None:
        """Set the outputs of a connector."""

    def close(self) -> None:
        """Let go of it."""


@dataclass
class _Connector:
    """What is remembered of a connector between two turns.

    ``before``: the register when it last did not charge. ``resumed``: it was let in before the daemon ended.
    ``waits_since``: since when a tag that was let in has had no cable.
    """

    status: tuple[ChargePointStatus, ChargePointErrorCode] | None = None
    shown_tag: str = ""
    request: str = ""
    authorised: str = ""
    start: str = ""
    started_by: str = ""
    parent: str | None = None
    stop_tag: str | None = None
    stopping: bool = False
    measured: tuple[float, float] = (-1.0, -1.0)
    outputs: Outputs | None = None
    presented: str = ""
    before: float | None = None
    resumed: bool = False
    waits_since: float | None = None
    remembered: dict[str, Any] = field(default_factory=dict)

    def to_remember(self) -> dict[str, Any]:
        """What the connector must not forget when the daemon ends."""
        return {name: getattr(self, name) for name in _REMEMBERED}


class Controller:
    """The bridge of ``hardware`` with these connectors."""

    def __init__(self, hardware: Hardware, exchange: Exchange, connector_ids: Iterable[int]) -> None:
        self._hardware = hardware
        self._exchange = exchange
        self._connectors = {connector_id: self._remembered(connector_id) for connector_id in connector_ids}

    def answers(self) -> bool:
        """Tell whether the hardware is there."""
        return self._hardware.answers()

    def close(self) -> None:
        """Let go of the hardware."""
        self._hardware.close()

    def poll(self) -> None:
        """One turn: commands first, then every connector, whatever becomes of the others. Raises the first failure."""
        for command in self._exchange.commands():
            self._obey(command["action"], command["connector_id"], command.get("id_tag"))
        failures = []
        for connector_id, connector in self._connectors.items():
            try:
                self._follow(connector_id, connector, self._hardware.read(connector_id))
            except Exception as failure:
                connector.outputs = None  # hardware that was away may have restarted, with other outputs
                failures.append(failure)
        if failures:
            raise failures[0]

    def _remembered(self, connector_id: int) -> _Connector:
        """A connector, with the session that ran when the daemon ended.

        A document that nobody has taken may be the last that was done: it counts more than what was remembered.
        """
        known = self._exchange.get(CONNECTORS, str(connector_id)) or {}
        connector = _Connector(**{name: known[name] for name in _REMEMBERED if known.get(name) is not None})
        connector.remembered = connector.to_remember()
        connector.resumed, connector.before = bool(connector.authorised), known.get("energy")
        inserted = self._exchange.in_state(RECEIVED)
        stopped = [stored.document.get("start") for collection, stored in inserted if collection is STOP_TRANSACTIONS]
        for collection, stored in inserted:
            if collection is START_TRANSACTIONS and stored.document.get("connector_id") == connector_id:
                connector.start, connector.started_by = stored.key, str(stored.document.get("id_tag"))
                connector.authorised = ""
        if connector.start in stopped:
            connector.start, connector.stopping, connector.stop_tag = "", False, None
        return connector

    def _remember(self, connector_id: int, connector: _Connector) -> None:
        if connector.to_remember() != connector.remembered:
            self._exchange.update(CONNECTORS, str(connector_id), **connector.to_remember())
            connector.remembered = connector.to_remember()

    def _obey(self, action: str, connector_id: int, id_tag: str | None) -> None:
        for number, connector in self._connectors.items():
            if connector_id not in (0, number):
                continue
            if action == "StartTransaction" and id_tag and not connector.start:
                connector.authorised, connector.parent = id_tag, None
            elif action in ("StopTransaction", "Reset", "UnlockConnector"):
                connector.authorised = ""
                connector.stopping = bool(connector.start)
                connector.stop_tag = id_tag
            self._remember(number, connector)

    def _follow(self, connector_id: int, connector: _Connector, readings: Readings) -> None:
        self._measure(connector_id, connector, readings)
        if connector.resumed and not readings.charging:
            connector.authorised = ""
        connector.resumed = False
        self._see_tag(connector_id, connector, readings)
        self._see_decision(connector)
        known = self._exchange.get(CONNECTORS, str(connector_id)) or {}
        if readings.error_code not in HARMLESS or not known.get("operative", True):
            connector.authorised = ""
        self._wait_for_cable(connector, readings, known.get("connection_timeout"))
        if readings.charging and connector.authorised and not connector.start and not connector.stopping:
            connector.started_by, connector.authorised = connector.authorised, ""
            energy = readings.energy if connector.before is None else min(connector.before, readings.energy)
            connector.start = self._exchange.started(connector_id, connector.started_by, round(energy))
            self._remember(connector_id, connector)
        if connector.start and (not readings.plugged or (connector.stopping and not readings.charging)):
            self._exchange.stopped(connector.start, round(readings.energy), connector.stop_tag)
            connector.start, connector.stopping, connector.stop_tag = "", False, None
        if not readings.plugged and not connector.start:
            connector.stopping = False
        if not readings.charging:
            connector.before = readings.energy
        self._remember(connector_id, connector)
        self._report(connector_id, connector, readings, known)
        self._steer(connector_id, connector, readings)

    def _measure(self, connector_id: int, connector: _Connector, readings: Readings) -> None:
        measured = (readings.energy, readings.power)
        if measured != connector.measured:
            connector.measured = measured
            self._exchange.measure(connector_id, *measured)

    def _see_tag(self, connector_id: int, connector: _Connector, readings: Readings) -> None:
        shown, connector.shown_tag = connector.shown_tag, readings.id_tag
        if not readings.id_tag or readings.id_tag == shown:
            return
        if connector.start and readings.id_tag.casefold() == connector.started_by.casefold():
            connector.stopping, connector.stop_tag = True, readings.id_tag
        elif not connector.request:
            connector.presented = readings.id_tag
            connector.request = self._exchange.tag(connector_id, readings.id_tag)

    def _see_decision(self, connector: _Connector) -> None:
        request = self._exchange.get(TAG_REQUESTS, connector.request) if connector.request else None
        if request is None or request["state"] not in (ANSWERED, FAILED):
            return
        connector.request = ""
        if not request.get("accepted"):
            return
        parent = request.get("parent_id_tag")
        if not connector.start:
            connector.authorised, connector.parent = connector.presented, parent
        elif parent and parent.casefold() == (connector.parent or "").casefold():
            connector.stopping, connector.stop_tag = True, connector.presented

    @staticmethod
    def _wait_for_cable(connector: _Connector, readings: Readings, seconds: float | None) -> None:
        """Forget a tag that was let in when it has had no cable for so long."""
        if not connector.authorised or readings.plugged:
            connector.waits_since = None
        elif connector.waits_since is None:
            connector.waits_since = time.monotonic()
        elif seconds is not None and time.monotonic() - connector.waits_since >= seconds:
            connector.authorised, connector.waits_since = "", None

    def _report(self, connector_id: int, connector: _Connector, readings: Readings, known: Document) -> None:
        if readings.error_code is not _NO_ERROR:
            status = ChargePointStatus.FAULTED
        elif not known.get("operative", True) and not connector.start:
            status = ChargePointStatus.UNAVAILABLE
        elif readings.plugged or connector.start or connector.authorised:
            status = ChargePointStatus.OCCUPIED
        else:
            status = ChargePointStatus.RESERVED if known.get("reserved_for") else ChargePointStatus.AVAILABLE
        if (status, readings.error_code) != connector.status:
            connector.status = (status, readings.error_code)
            self._exchange.status(connector_id, status, readings.error_code)

    def _steer(self, connector_id: int, connector: _Connector, readings: Readings) -> None:
        active = bool(connector.start) or bool(connector.authorised and readings.plugged)
        outputs = Outputs(enabled=active and not connector.stopping, locked=active)
        if outputs != connector.outputs:
            self._hardware.write(connector_id, outputs)
            connector.outputs = outputs
