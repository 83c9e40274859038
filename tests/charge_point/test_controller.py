"""What a bridge makes of the readings of its hardware, also after it was killed."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ocpp_soap.charge_point.chargebox.bridges import Controller, Readings
from ocpp_soap.charge_point.chargebox.exchange import (
    ANSWERED,
    QUEUED,
    START_TRANSACTIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
    Exchange,
)
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
