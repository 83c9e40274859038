"""Meter values of running transactions: sampled and clock-aligned (15 §4.7, §6.9.1; notes 5, 7.29, 7.30).

Sampled values are due at whole multiples of MeterValueSampleInterval after the transaction's start, aligned ones at
whole multiples of ClockAlignedDataInterval after midnight UTC; both are computed, not added up, so nothing drifts.
The registers are saved before a value is queued: the one that a restart goes on from is never below one that was sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ocpp_soap.charge_point.configuration import SECONDS_OF_A_DAY
from ocpp_soap.charge_point.connector import Connector
from ocpp_soap.charge_point.meter import Reading
from ocpp_soap.charge_point.scheduler import Timer
from ocpp_soap.charge_point.transaction import Transaction
from ocpp_soap.messages import Measurand, MeterValue, MeterValuesRequest, ReadingContext, TransactionData, Version

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

_REGISTER = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER


class Metering:
    """Takes and queues the meter values of one station."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._aligned_timer: Timer | None = None

    def begin(self, connector: Connector, transaction: Transaction) -> None:
        """A transaction has started: sample it from now on."""
        if self._collects():
            self._collect(transaction, self._begin_or_end(transaction, ReadingContext.TRANSACTION_BEGIN))
        self._arm_sampling(connector)

    def end(self, connector: Connector, transaction: Transaction) -> None:
        """A transaction ends: send the last, partial interval and complete what its Stop will carry."""
        if connector.sample_timer is not None:
            connector.sample_timer.cancel()
            connector.sample_timer = None
        now = self._station.now()
        if self._interval("ClockAlignedDataInterval") and now > transaction.aligned[0]:
            self._take_aligned(connector, transaction, now)
        if self._collects():
            self._collect(transaction, self._begin_or_end(transaction, ReadingContext.TRANSACTION_END, now))

    def interrupted(self, connector: Connector, context: ReadingContext) -> None:
        """Charging was interrupted, or goes on, within a transaction (15 §7.28): say so with a reading."""
        transaction = connector.transaction
        if transaction is not None:
            now = self._station.now()
            self._station.state.save_connectors()
            reading = self._reading(connector, (now, connector.meter.energy(now)), now)
            self._send(connector, self._values(now, [_REGISTER], reading, context))

    def clock_moved(self, by: timedelta) -> None:
        """The clock was set: the intervals that run began as long ago by the new one."""
        for connector in self._station.connectors.values():
            transaction = connector.transaction
            if transaction is not None:
                transaction.sampled = (transaction.sampled[0] + by, transaction.sampled[1])
                transaction.aligned = (transaction.aligned[0] + by, transaction.aligned[1])
        self.rearm()

    def rearm(self) -> None:
        """An interval or the clock was changed: set all timers anew."""
        if self._aligned_timer is not None:
            self._aligned_timer.cancel()
            self._aligned_timer = None
        interval = self._interval("ClockAlignedDataInterval")
        if interval:
            boundary = next_boundary(self._station.now(), interval)
            self._aligned_timer = self._station.at(boundary, lambda: self._aligned_due(boundary))
        for connector in self._station.connectors.values():
            self._arm_sampling(connector)

    def take_sample(self, connector: Connector) -> None:
        """Take the sampled values of a connector now and queue them."""
        transaction = connector.transaction
        if transaction is None:
            return
        now = self._station.now()
        self._station.state.save_connectors()
        reading = self._reading(connector, transaction.sampled, now)
        transaction.sampled = (now, reading.energy)
        context = ReadingContext.SAMPLE_PERIODIC
        self._send(connector, self._values(now, self._measurands("MeterValuesSampledData"), reading, context))
        collected = self._station.configuration.measurands("StopTxnSampledData")
        self._collect(transaction, self._values(now, collected, reading, context))

    def take_clock_sample(self, connector: Connector, instant: datetime) -> None:
        """Queue the reading of a connector that charges, as one of ``instant`` on the wall clock."""
        reading = self._reading(connector, (instant, connector.meter.energy(instant)), instant)
        measurands = self._measurands("MeterValuesAlignedData")
        self._send(connector, self._values(instant, measurands, reading, ReadingContext.SAMPLE_CLOCK))

    def _arm_sampling(self, connector: Connector, last: datetime | None = None) -> None:
        if connector.sample_timer is not None:
            connector.sample_timer.cancel()
            connector.sample_timer = None
        interval = self._interval("MeterValueSampleInterval")
        transaction = connector.transaction
        if transaction is not None and interval:
            now = self._station.now()
            due = next_multiple(transaction.started, max(now, last) if last else now, interval)
            connector.sample_timer = self._station.at(due, lambda: self._sample_due(connector, transaction, due))

    def _sample_due(self, connector: Connector, transaction: Transaction, due: datetime) -> None:
        if connector.transaction is transaction:
            self._arm_sampling(connector, due)  # first: a meter that cannot be read now is read again then
            self.take_sample(connector)

    def _aligned_due(self, boundary: datetime) -> None:
        following = boundary + timedelta(seconds=self._interval("ClockAlignedDataInterval"))
        self._aligned_timer = self._station.at(following, lambda: self._aligned_due(following))
        charging = [(c, c.transaction) for c in self._station.connectors.values() if c.transaction is not None]
        if charging:
            self._station.state.save_connectors()
        for connector, transaction in charging:
            if transaction.aligned[0] < boundary:
                self._take_aligned(connector, transaction, boundary)

    def _take_aligned(self, connector: Connector, transaction: Transaction, end: datetime) -> None:
        start = transaction.aligned[0]
        reading = self._reading(connector, transaction.aligned, end, average=True)
        transaction.aligned = (end, reading.energy)
        context = ReadingContext.SAMPLE_CLOCK
        self._send(connector, self._values(start, self._measurands("MeterValuesAlignedData"), reading, context))
        collected = self._station.configuration.measurands("StopTxnAlignedData")
        self._collect(transaction, self._values(start, collected, reading, context))

    @staticmethod
    def _reading(
        connector: Connector, since: tuple[datetime, float], now: datetime, *, average: bool = False
    ) -> Reading:
        energy = connector.meter.energy(now)
        added, hours = energy - since[1], (now - since[0]).total_seconds() / 3600
        return Reading(energy, added, added / hours if average and hours else connector.meter.power(now))

    def _values(
        self, timestamp: datetime, measurands: Iterable[Measurand], reading: Reading, context: ReadingContext
    ) -> MeterValue | None:
        values = [reading.value(measurand, context, self._station.version) for measurand in measurands]
        return MeterValue(timestamp=timestamp, value=values) if values else None

    def _begin_or_end(
        self, transaction: Transaction, context: ReadingContext, now: datetime | None = None
    ) -> MeterValue | None:
        connector = self._station.connectors[transaction.connector_id]
        energy = connector.meter.energy(now) if now else float(transaction.meter_start)
        return self._values(now or transaction.started, [_REGISTER], Reading(energy, 0.0, 0.0), context)

    def _send(self, connector: Connector, values: MeterValue | None) -> None:
        transaction = connector.transaction
        if values is None or transaction is None:
            return
        request = MeterValuesRequest(connector_id=connector.connector_id, values=[values])
        if self._station.version is Version.V12:
            self._station.outbox.put(request)
        else:
            request.transaction_id = transaction.transaction_id
            self._station.outbox.put(request, transaction=transaction.handle)

    def _collect(self, transaction: Transaction, values: MeterValue | None) -> None:
        if values is not None:
            transaction.data.append(values)
            self._station.state.save_data(transaction)

    def _collects(self) -> bool:
        configuration = self._station.configuration
        return bool(configuration.measurands("StopTxnSampledData") or configuration.measurands("StopTxnAlignedData"))

    def _measurands(self, key: str) -> list[Measurand]:
        return [_REGISTER] if self._station.version is Version.V12 else self._station.configuration.measurands(key)

    def _interval(self, key: str) -> int:
        return self._station.configuration.integer(key)


def transaction_data(collected: list[MeterValue]) -> list[TransactionData]:
    """What a StopTransaction of 1.5 carries: one entry with all values collected, in their order; none: nothing."""
    return [TransactionData(values=list(collected))] if collected else []


def next_multiple(start: datetime, now: datetime, interval: int) -> datetime:
    """The first instant after ``now`` that lies a whole multiple of ``interval`` seconds after ``start``."""
    passed = (now - start).total_seconds() // interval
    return start + timedelta(seconds=(passed + 1) * interval)


def next_boundary(now: datetime, interval: int) -> datetime:
    """The end of the running interval, of those into which the UTC day is cut from 00:00:00 on."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = min(((now - midnight).total_seconds() // interval + 1) * interval, SECONDS_OF_A_DAY)
    return midnight + timedelta(seconds=seconds)
