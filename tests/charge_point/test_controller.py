"""What a bridge makes of the readings of its hardware, also after it was killed."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ocpp_soap.charge_point.chargebox.bridges import Controller, Readings, controller
from ocpp_soap.charge_point.chargebox.exchange import (
    ANSWERED,
    CONNECTORS,
    QUEUED,
    START_TRANSACTIONS,
    STATUS_NOTIFICATIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
    Exchange,
)
from ocpp_soap.messages import ChargePointErrorCode
from ocpp_soap.storage.file import FileStorage


class Hardware:
    """A controller of one connector: ``readings`` is what it says, ``outputs`` what it was told last."""

    def __init__(self):
        self.readings = Readings()
        self.outputs = None

    def answers(self):
        return True

    def read(self, _connector_id):
        return self.readings

    def write(self, _connector_id, outputs):
        self.outputs = outputs

    def close(self):
        pass


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def exchange(tmp_path):
    storage = FileStorage(tmp_path / "box.db")
    yield Exchange(storage, lambda: datetime.now(timezone.utc))
    storage.close()


@pytest.fixture
def hardware():
    return Hardware()


@pytest.fixture
def switch_on(hardware, exchange):
    """A bridge, as it is after each start of the daemon."""
    return lambda: Controller(hardware, exchange, [1])


def documents(exchange, collection):
    return exchange._storage.find(collection).items


def let_in(bridge, hardware, exchange):
    """Plug in, and have the tag accepted."""
    hardware.readings = Readings(plugged=True, energy=100, id_tag="TAG1")
    bridge.poll()
    (request,) = documents(exchange, TAG_REQUESTS)
    exchange.update(TAG_REQUESTS, request.key, state=ANSWERED, accepted=True, parent_id_tag="GROUP")
    bridge.poll()


def start(bridge, hardware, exchange):
    let_in(bridge, hardware, exchange)
    hardware.readings = Readings(plugged=True, charging=True, energy=100)
    bridge.poll()


def die_after(monkeypatch, bridge, insert):
    """Kill the process as soon as ``insert`` has inserted its document."""
    inserted = getattr(bridge._exchange, insert)

    def die(*arguments):
        inserted(*arguments)
        raise Killed

    monkeypatch.setattr(bridge._exchange, insert, die)


def test_a_session_that_was_killed_when_its_start_was_inserted_is_stopped(switch_on, hardware, exchange, monkeypatch):
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    hardware.readings = Readings(plugged=True, charging=True, energy=100)
    with monkeypatch.context() as patch:
        die_after(patch, bridge, "started")
        with pytest.raises(Killed):
            bridge.poll()
    again = switch_on()
    again.poll()
    hardware.readings = Readings(energy=500)
    again.poll()
    (started,) = documents(exchange, START_TRANSACTIONS)
    (stopped,) = documents(exchange, STOP_TRANSACTIONS)
    assert (stopped.document["start"], stopped.document["meter_stop"]) == (started.key, 500)


def test_a_session_that_was_killed_when_its_stop_was_inserted_is_stopped_once(
    switch_on, hardware, exchange, monkeypatch
):
    bridge = switch_on()
    start(bridge, hardware, exchange)
    exchange.update(START_TRANSACTIONS, documents(exchange, START_TRANSACTIONS)[0].key, state=QUEUED)
    hardware.readings = Readings(energy=500)
    with monkeypatch.context() as patch:
        die_after(patch, bridge, "stopped")
        with pytest.raises(Killed):
            bridge.poll()
    switch_on().poll()
    assert len(documents(exchange, STOP_TRANSACTIONS)) == 1


def test_a_stop_that_was_wanted_is_carried_out_after_a_restart(switch_on, hardware, exchange):
    start(switch_on(), hardware, exchange)
    exchange.command("StopTransaction", 1, id_tag=None)
    switch_on().poll()
    assert not hardware.outputs.enabled
    hardware.outputs = None
    again = switch_on()
    again.poll()
    assert not hardware.outputs.enabled
    hardware.readings = Readings(plugged=True, energy=120)
    again.poll()
    assert len(documents(exchange, STOP_TRANSACTIONS)) == 1


def test_a_command_is_marked_as_seen_when_it_was_carried_out(switch_on, hardware, exchange, monkeypatch):
    bridge = switch_on()
    start(bridge, hardware, exchange)
    exchange.command("StopTransaction", 1, id_tag=None)
    with monkeypatch.context() as patch:
        patch.setattr(bridge, "_obey", raise_killed)
        with pytest.raises(Killed):
            bridge.poll()
    switch_on().poll()
    assert not hardware.outputs.enabled


def raise_killed(*_):
    raise Killed


def test_energy_that_flowed_before_the_start_was_inserted_is_counted(switch_on, hardware, exchange):
    let_in(switch_on(), hardware, exchange)
    hardware.readings = Readings(plugged=True, charging=True, energy=900)
    switch_on().poll()
    (started,) = documents(exchange, START_TRANSACTIONS)
    assert (started.document["id_tag"], started.document["meter_start"]) == ("TAG1", 100)


def test_a_tag_that_was_let_in_and_does_not_charge_is_forgotten_with_a_restart(switch_on, hardware, exchange):
    let_in(switch_on(), hardware, exchange)
    hardware.readings = Readings()
    again = switch_on()
    again.poll()
    hardware.readings = Readings(plugged=True)
    again.poll()
    assert not hardware.outputs.enabled


def test_a_tag_of_the_group_stops_the_session_after_a_restart(switch_on, hardware, exchange):
    start(switch_on(), hardware, exchange)
    again = switch_on()
    hardware.readings = Readings(plugged=True, charging=True, energy=200, id_tag="TAG2")
    again.poll()
    request = next(r for r in documents(exchange, TAG_REQUESTS) if r.document["id_tag"] == "TAG2")
    exchange.update(TAG_REQUESTS, request.key, state=ANSWERED, accepted=True, parent_id_tag="GROUP")
    again.poll()
    assert not hardware.outputs.enabled


def test_a_tag_waits_for_the_cable_no_longer_than_connection_time_out(switch_on, hardware, exchange, clock):
    exchange.update(CONNECTORS, "1", connection_timeout=60)
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    clock.now += 100
    bridge.poll()
    assert hardware.outputs.enabled
    hardware.readings = Readings()
    bridge.poll()
    clock.now += 59
    bridge.poll()
    assert last_status(exchange) == "Occupied"
    clock.now += 2
    bridge.poll()
    assert last_status(exchange) == "Available"
    hardware.readings = Readings(plugged=True)
    bridge.poll()
    assert not hardware.outputs.enabled


def last_status(exchange):
    return max(documents(exchange, STATUS_NOTIFICATIONS), key=lambda stored: stored.document["created"]).document[
        "status"
    ]


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """The clock of the bridge, which only the test moves."""
    clock = Clock()
    monkeypatch.setattr(controller, "time", clock)
    return clock


def test_a_connector_that_cannot_be_read_holds_up_no_other(exchange, hardware):
    def read(connector_id):
        if connector_id == 1:
            raise OSError("no such register")
        return Readings(plugged=True)

    hardware.read = read
    bridge = Controller(hardware, exchange, [1, 2])
    with pytest.raises(OSError, match="no such register"):
        bridge.poll()
    (status,) = documents(exchange, STATUS_NOTIFICATIONS)
    assert (status.document["connector_id"], status.document["status"]) == (2, "Occupied")


def test_nobody_charges_on_a_connector_that_is_inoperative(switch_on, hardware, exchange):
    bridge = switch_on()
    exchange.update(CONNECTORS, "1", operative=False)
    let_in(bridge, hardware, exchange)
    hardware.readings = Readings(plugged=True, charging=True, energy=100)
    bridge.poll()
    assert not hardware.outputs.enabled
    assert documents(exchange, START_TRANSACTIONS) == []


def test_a_fault_ends_the_wait_for_the_cable(switch_on, hardware, exchange):
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    for plugged in (False, True):
        hardware.readings = Readings(plugged=plugged, error_code=ChargePointErrorCode.GROUND_FAILURE)
        bridge.poll()
    assert not hardware.outputs.enabled


def test_a_weak_signal_does_not_end_the_wait_for_the_cable(switch_on, hardware, exchange):
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    hardware.readings = Readings(plugged=True, error_code=ChargePointErrorCode.WEAK_SIGNAL)
    bridge.poll()
    assert hardware.outputs.enabled


def test_a_session_goes_on_where_the_connector_is_to_become_inoperative(switch_on, hardware, exchange):
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    hardware.readings = Readings(plugged=True, charging=True, energy=100)
    bridge.poll()
    exchange.update(CONNECTORS, "1", operative=False)
    bridge.poll()
    assert hardware.outputs.enabled


def test_hardware_that_was_away_is_told_its_outputs_again(switch_on, hardware, exchange, monkeypatch):
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    with monkeypatch.context() as restart:
        restart.setattr(hardware, "read", lambda _connector_id: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bridge.poll()
        hardware.outputs = None
    bridge.poll()
    assert hardware.outputs.enabled


def test_a_tag_of_the_group_stops_the_session_however_the_group_is_written(switch_on, hardware, exchange):
    bridge = switch_on()
    let_in(bridge, hardware, exchange)
    hardware.readings = Readings(plugged=True, charging=True, energy=100)
    bridge.poll()
    hardware.readings = Readings(plugged=True, charging=True, energy=100, id_tag="TAG2")
    bridge.poll()
    (request,) = [d for d in documents(exchange, TAG_REQUESTS) if d.document["id_tag"] == "TAG2"]
    exchange.update(TAG_REQUESTS, request.key, state=ANSWERED, accepted=True, parent_id_tag="group")
    bridge.poll()
    assert not hardware.outputs.enabled
