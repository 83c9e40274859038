"""Cable, tag, start and stop: how transactions begin and end (12/15 §3.1, 15 §4.8, §4.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ocpp_soap.charge_point.authorization import Decision
from ocpp_soap.charge_point.connector import Authorised, Connector
from ocpp_soap.charge_point.metering import transaction_data
from ocpp_soap.charge_point.queueing import Entry
from ocpp_soap.charge_point.transaction import Transaction
from ocpp_soap.messages import (
    AuthorizationStatus,
    StartTransactionRequest,
    StartTransactionResponse,
    StopTransactionRequest,
    StopTransactionResponse,
    Version,
)
from ocpp_soap.soap.codec.reading import INT32

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

_log = structlog.get_logger("ocpp_soap.charge_point")


class Sessions:
    """The sessions of one station. Every method is called with the station's lock held."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._by_handle: dict[str, Transaction] = {}

    def plug(self, connector: Connector) -> None:
        """The cable was plugged in; a tag that waited for it starts charging."""
        connector.plugged = True
        waiting = connector.waiting
        if waiting is not None:
            self._begin(connector, waiting.id_tag, waiting.parent_id_tag)
        self._station.report_changes()

    def unplug(self, connector: Connector) -> None:
        """The cable was taken out, which ends a running transaction."""
        self.stop(connector)
        connector.plugged = False
        self._station.report_changes()

    def tag(self, connector: Connector, id_tag: str) -> None:
        """A tag was presented: it starts a session, or stops the one that it or its group started."""
        transaction = connector.transaction
        if transaction is None:
            if connector.waiting is None:
                self._authorise(connector, id_tag)
        elif transaction.id_tag.casefold() == id_tag.casefold():
            self.stop(connector, id_tag)
        else:
            self._station.authorization.decide(
                id_tag, lambda decision: self._stop_by_group(connector, transaction, id_tag, decision)
            )

    def remote_start(self, id_tag: str, connector_id: int | None) -> bool:
        """Promise to start for ``id_tag``, on the best connector if none is named; False: it cannot be done.

        Unless the tag has to be asked for, the connector is its own from now on: no other start or reservation gets it.
        """
        station = self._station
        if not station.authorization.can_name(id_tag):
            return False
        parent = station.authorization.parent_of(id_tag)
        candidates = [
            c
            for c in station.connectors.values()
            if connector_id in (None, c.connector_id) and self._usable(c) and self._may_turn_out(c, id_tag, parent)
        ]
        if not candidates:
            return False
        connector = max(candidates, key=lambda c: c.plugged)
        ask_first = station.configuration.enabled("AuthorizeRemoteTxRequests")
        ask_first = ask_first or not station.reservations.admits(connector, id_tag, parent)
        act = station.after_the_answer(lambda: self._remote_start_now(connector, id_tag, ask_first=ask_first))
        if not ask_first:
            connector.waiting = Authorised(id_tag, parent, act)
        return True

    def remote_stop(self, transaction_id: int) -> bool:
        """Promise to stop a transaction; False: none of that id is running."""
        connector = next((c for c in self._running() if _id(c) == transaction_id), None)
        if connector is None:
            return False
        transaction = connector.transaction
        self._station.after_the_answer(lambda: self.stop(connector) if connector.transaction is transaction else None)
        return True

    def stop(self, connector: Connector, id_tag: str | None = None) -> None:
        """End the transaction of a connector, if it has one: now, with the values it collected."""
        station, transaction = self._station, connector.transaction
        self.give_up_waiting(connector)
        if transaction is None:
            return
        now = station.now()
        connector.meter.open(now)
        station.metering.end(connector, transaction)
        station.state.save_connectors()
        connector.transaction = None
        request = StopTransactionRequest(
            transaction_id=transaction.transaction_id or 0,
            id_tag=id_tag,
            timestamp=now,
            meter_stop=int(connector.meter.energy(now)),
            transaction_data=transaction_data(transaction.data) if station.version is Version.V15 else [],
        )
        unanswered = transaction.transaction_id is None
        station.outbox.put(request, transaction=transaction.handle, waits_for_id=unanswered)
        station.note(f"connector {connector.connector_id}: transaction ended")
        station.availability.transaction_ended()
        station.firmware.transaction_ended()
        station.event("stopped", transaction)

    def stop_all(self) -> None:
        """End every session, as before a reset."""
        for connector in self._station.connectors.values():
            self.stop(connector)

    def give_up_waiting(self, connector: Connector) -> None:
        """Forget a tag that was let in and has not started yet."""
        if connector.waiting is not None:
            connector.waiting.timeout.cancel()
            connector.waiting = None

    def start_answered(self, entry: Entry, response: StartTransactionResponse) -> None:
        """Take over the id, saved with what is learned; a refused session is ended (12 §4.7; 1.5: as configured)."""
        station, request = self._station, entry.request
        info = response.id_tag_info
        if response.transaction_id not in INT32:
            problem = "the start was answered with an id that does not fit 32 bits: its stop cannot be sent"
            _log.warning(
                problem, charge_box_identity=station.charge_box_identity, transaction_id=response.transaction_id
            )
            station.note(problem)
        transaction = self._by_handle.get(entry.transaction)
        if transaction is not None:
            transaction.transaction_id = response.transaction_id
            transaction.parent_id_tag = info.parent_id_tag or transaction.parent_id_tag
        station.learn(request.id_tag, info)
        if transaction is None:
            return
        station.event("start_answered", (transaction, str(info.status)))
        connector = station.connectors[transaction.connector_id]
        if connector.transaction is transaction and self._ends(info.status):
            station.note(f"connector {connector.connector_id}: the start was answered {info.status}")
            self.stop(connector)
            station.report_changes()

    def stop_answered(self, entry: Entry, response: StopTransactionResponse) -> None:
        """The session is over on both sides."""
        transaction = self._forget(entry.transaction)
        id_tag = entry.request.id_tag or (transaction.id_tag if transaction else None)
        if response.id_tag_info is not None and id_tag is not None:
            self._station.learn(id_tag, response.id_tag_info, from_stop=True)
        self._station.event("session_delivered", entry.transaction)

    def given_up(self, entry: Entry) -> None:
        """A Start or Stop cannot be delivered."""
        if isinstance(entry.request, StopTransactionRequest):
            self._forget(entry.transaction)
        self._station.event("session_lost", entry.transaction)

    def _forget(self, handle: str) -> Transaction | None:
        self._station.state.forget_data(handle)
        return self._by_handle.pop(handle, None)

    def _authorise(self, connector: Connector, id_tag: str) -> None:
        if not self._usable(connector):
            self._station.event("refused", (connector.connector_id, id_tag, "connector not usable"))
            return
        self._station.authorization.decide(id_tag, lambda decision: self._decided(connector, id_tag, decision))

    def _decided(self, connector: Connector, id_tag: str, decision: Decision) -> None:
        station = self._station
        admitted = station.reservations.admits(connector, id_tag, decision.parent_id_tag)
        if decision.accepted and admitted and self._usable(connector):
            self._let_in(connector, id_tag, decision.parent_id_tag)
            return
        reason = decision.reason if not decision.accepted else "reserved or in use"
        station.note(f"connector {connector.connector_id}: tag {id_tag} refused: {reason}")
        station.event("refused", (connector.connector_id, id_tag, reason))

    def _remote_start_now(self, connector: Connector, id_tag: str, *, ask_first: bool) -> None:
        if ask_first:
            self._authorise(connector, id_tag)
            return
        self.give_up_waiting(connector)
        if self._usable(connector):
            self._let_in(connector, id_tag, self._station.authorization.parent_of(id_tag))

    def _let_in(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> None:
        station = self._station
        if connector.plugged:
            self._begin(connector, id_tag, parent_id_tag)
        else:
            seconds = station.configuration.integer("ConnectionTimeOut")
            timeout = station.after(seconds, lambda: self._timed_out(connector, id_tag))
            connector.waiting = Authorised(id_tag, parent_id_tag, timeout)
        station.report_changes()
        station.event("let_in", connector.connector_id)

    def _timed_out(self, connector: Connector, id_tag: str) -> None:
        if connector.waiting is not None and connector.waiting.id_tag == id_tag:
            connector.waiting = None
            self._station.note(f"connector {connector.connector_id}: no cable was plugged in for {id_tag}")
            self._station.report_changes()

    def _begin(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> None:
        station = self._station
        self.give_up_waiting(connector)
        now = station.now()
        reservation = station.reservations.for_tag(connector.connector_id, id_tag, parent_id_tag)
        connector.meter.close(now, new_vehicle=True)
        transaction = Transaction(
            connector.connector_id, id_tag, now, int(connector.meter.energy(now)), parent_id_tag,
            reservation.reservation_id if reservation else None,
        )  # fmt: skip
        connector.transaction = transaction
        connector.locked = True
        self._by_handle[transaction.handle] = transaction
        request = StartTransactionRequest(
            connector_id=connector.connector_id,
            id_tag=id_tag,
            timestamp=now,
            meter_start=transaction.meter_start,
            reservation_id=transaction.reservation_id,
        )
        station.metering.begin(connector, transaction)
        station.state.save_connectors()
        station.outbox.put(request, transaction=transaction.handle)
        if reservation is not None:
            station.reservations.cancel(reservation.reservation_id)
        station.note(f"connector {connector.connector_id}: transaction started by {id_tag}")
        station.event("started", transaction)

    def _stop_by_group(self, connector: Connector, transaction: Transaction, id_tag: str, decision: Decision) -> None:
        own, other = transaction.parent_id_tag, decision.parent_id_tag
        same_group = own is not None and other is not None and own.casefold() == other.casefold()
        if connector.transaction is transaction and decision.accepted and same_group:
            self.stop(connector, id_tag)
            self._station.report_changes()
        else:
            self._station.event("refused", (connector.connector_id, id_tag, "not the tag that started"))

    def _usable(self, connector: Connector) -> bool:
        station = self._station
        operative = connector.operative and station.availability.idle_connectors_operative
        return operative and not connector.faulted and not connector.in_session and not station.restarts.pending

    def _may_turn_out(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> bool:
        reservations = self._station.reservations
        if reservations.admits(connector, id_tag, parent_id_tag):
            return True
        return parent_id_tag is None and reservations.needs_parent(connector)

    def _ends(self, start_status: AuthorizationStatus | str) -> bool:
        """Tell whether a session goes on that was answered so: 1.2 ends it unless Accepted, 1.5 as configured."""
        configuration = self._station.configuration
        if start_status == AuthorizationStatus.ACCEPTED:
            return False
        if start_status == AuthorizationStatus.CONCURRENT_TX and not configuration.enabled(
            "StopTransactionOnConcurrentTx"
        ):
            return False
        return self._station.version is Version.V12 or configuration.enabled("StopTransactionOnInvalidId")

    def _running(self) -> list[Connector]:
        return [c for c in self._station.connectors.values() if c.transaction is not None]


def _id(connector: Connector) -> int | None:
    return connector.transaction.transaction_id if connector.transaction else None
