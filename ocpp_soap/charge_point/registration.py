"""Boot, heartbeat and clock of a station (12/15 §4.2, 12 §4.5, 15 §4.6; notes 7.8)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ocpp_soap.charge_point.queueing import Backoff
from ocpp_soap.charge_point.scheduler import Timer
from ocpp_soap.errors import CallFailed, OcppSoapError, Refused
from ocpp_soap.messages import (
    BootNotificationRequest,
    BootNotificationResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    RegistrationStatus,
)

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

REFUSED_RETRY = 60.0
"""Seconds to the next BootNotification where a refusal names none."""

CLOCK_TOLERANCE = timedelta(seconds=2)
"""The clock is set only if it is further off: an answer's time is as old as its way was long."""

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(2200, 1, 1, tzinfo=timezone.utc)
"""What a clock can be set to: dates computed from it stay far from the year 9999, where they end."""


class Registration:
    """Repeats BootNotification until it is accepted, then keeps the connection alive."""

    def __init__(self, station: Station, backoff: Backoff) -> None:
        self._station = station
        self._backoff = backoff
        self._failures = 0
        self._boot_timer: Timer | None = None
        self._heartbeat_timer: Timer | None = None
        self._last_exchange: datetime | None = None
        self._boots = 0
        self.status: RegistrationStatus | str | None = None
        self.last_answer = "no answer"

    @property
    def begun(self) -> bool:
        """The station was switched on."""
        return self._boots > 0

    @property
    def accepted(self) -> bool:
        """The central system accepted the last boot."""
        return self.status == RegistrationStatus.ACCEPTED

    def boot(self) -> None:
        """Begin again: nothing but BootNotification leaves until it is accepted."""
        self._boots += 1
        self.status = None
        self.stop()
        self._station.outbox.shut()
        self._send_boot()

    def stop(self) -> None:
        """Send no boot and no heartbeat any more."""
        for timer in (self._boot_timer, self._heartbeat_timer):
            if timer is not None:
                timer.cancel()
        self._boot_timer = self._heartbeat_timer = None

    def exchanged(self) -> None:
        """Any exchange is a sign of life: the next heartbeat can wait."""
        self._last_exchange = self._station.schedule.now()

    def interval_changed(self) -> None:
        """HeartBeatInterval was changed."""
        if self.accepted:
            self._arm_heartbeat()

    def set_clock(self, current_time: datetime | None) -> None:
        """Set the clock from an answer if it is off, and the answer's time can be meant."""
        station = self._station
        if current_time is None:
            return
        if abs(current_time - station.now()) <= CLOCK_TOLERANCE:
            station.state.keep_clock(CLOCK_TOLERANCE)
        elif EARLIEST <= current_time < LATEST:
            station.set_clock(current_time)
        else:
            station.note(f"clock not set: the central system says that it is {current_time.isoformat()}")

    def _send_boot(self) -> None:
        boot = self._boots
        self._boot_timer = None
        self._station.outbox.ask(
            self._boot_request(),
            lambda response, error: self._boot_answered(response, error) if boot == self._boots else None,
            before_acceptance=True,
        )

    def _boot_request(self) -> BootNotificationRequest:
        station = self._station
        return BootNotificationRequest(
            charge_point_vendor=station.options.vendor,
            charge_point_model=station.options.model,
            charge_point_serial_number=station.options.serial_number,
            firmware_version=station.firmware_version,
        )

    def _boot_answered(self, response: BootNotificationResponse | None, error: OcppSoapError | None) -> None:
        if response is None:
            self._failed(error)
            return
        try:
            self._take(response)
        except Exception as failure:  # such as a store that is away: without another boot nothing would ever be sent
            self.status = None
            self._failed(CallFailed(f"its answer could not be taken: {failure}"))
            raise
        self._failures = 0

    def _failed(self, error: OcppSoapError | None) -> None:
        self._failures += 1
        self.last_answer = str(error)
        wait = REFUSED_RETRY if isinstance(error, Refused) else self._backoff.wait(self._failures, error)
        self._boot_timer = self._station.after(wait, self._send_boot)

    def _take(self, response: BootNotificationResponse) -> None:
        self.status = response.status
        self.last_answer = str(response.status)
        self.set_clock(response.current_time)
        interval = response.heartbeat_interval or 0
        if not self.accepted:
            self._station.note(f"boot answered {response.status}")
            self._boot_timer = self._station.after(interval if interval > 0 else REFUSED_RETRY, self._send_boot)
            return
        if interval > 0:
            self._station.configuration.set("HeartBeatInterval", str(interval))
        self._station.accepted()
        self._arm_heartbeat()

    def _arm_heartbeat(self) -> None:
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
            self._heartbeat_timer = None
        interval = self._station.configuration.integer("HeartBeatInterval")
        if interval > 0:
            self._heartbeat_timer = self._station.after(self._silence_left(interval), self._heartbeat_due)

    def _silence_left(self, interval: int) -> float:
        if self._last_exchange is None:
            return interval
        silent = (self._station.schedule.now() - self._last_exchange).total_seconds()
        return max(interval - silent, 0.0)

    def _heartbeat_due(self) -> None:
        interval = self._station.configuration.integer("HeartBeatInterval")
        constant = self._station.options.constant_heartbeat
        if self._silence_left(interval) > interval * 0.01 and not constant:
            self._arm_heartbeat()
            return
        self._heartbeat_timer = self._station.after(interval, self._heartbeat_due)
        if self._station.outbox.waiting == 0 or constant:
            self._station.outbox.ask(HeartbeatRequest(), lambda response, _error: self._heartbeat_answered(response))

    def _heartbeat_answered(self, response: HeartbeatResponse | None) -> None:
        if response is not None:
            self.set_clock(response.current_time)
