"""A station whose disk is full goes on from memory and writes what it owes when it can again."""

from __future__ import annotations

import time

import pytest
from running_box import Running
from waiting import wait_until

from ocpp_soap.charge_point.chargebox.exchange import START_TRANSACTIONS, STOP_TRANSACTIONS
from ocpp_soap.charge_point.journal import OUTBOX
from ocpp_soap.charge_point.state import CONNECTORS
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.messages import RemoteStopTransactionRequest
from ocpp_soap.storage.file import FileStorage


class Disk(FileStorage):
    """A store whose disk can be ``full``."""

    full = False

    def create(self, *arguments, **more):
        self._check()
        return super().create(*arguments, **more)

    def replace(self, *arguments, **more):
        self._check()
        return super().replace(*arguments, **more)

    def put(self, *arguments, **more):
        self._check()
        return super().put(*arguments, **more)

    def delete(self, *arguments, **more):
        self._check()
        return super().delete(*arguments, **more)

    def delete_where(self, *arguments, **more):
        self._check()
        return super().delete_where(*arguments, **more)

    def _check(self):
        if self.full:
            raise StoreUnavailable("the disk is full")


@pytest.fixture
def disk(tmp_path):
    store = Disk(tmp_path / "station.db")
    yield store
    store.close()


def energy_messages(central_system):
    return [name for name in central_system.names() if name not in ("Authorize", "StatusNotification", "Heartbeat")]


def start(station, schedule):
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.run()


def test_a_whole_session_is_sent_once(make_station, schedule, central_system, disk):
    station = make_station(storage=disk, MeterValueSampleInterval=60, StopTxnSampledData="Voltage")
    disk.full = True
    start(station, schedule)
    schedule.advance(120)
    station.unplug(1)
    schedule.advance(10)
    expected = ["StartTransaction", "MeterValues", "MeterValues", "StopTransaction"]
    assert energy_messages(central_system) == expected


def test_meter_values_go_on_when_there_is_room_again(make_station, schedule, central_system, disk):
    station = make_station(storage=disk, MeterValueSampleInterval=60, ClockAlignedDataInterval=60)
    start(station, schedule)
    disk.full = True
    schedule.advance(90)
    disk.full = False
    central_system.requests.clear()
    schedule.advance(120)
    assert energy_messages(central_system) == ["MeterValues"] * 4


def test_a_remote_stop_is_carried_out(make_station, schedule, central_system, disk, call):
    station = make_station(storage=disk)
    start(station, schedule)
    disk.full = True
    call(station, RemoteStopTransactionRequest(transaction_id=101))
    schedule.advance(1)
    assert len(central_system.sent("StopTransaction")) == 1


def test_what_was_delivered_meanwhile_is_not_sent_again(make_station, schedule, central_system, disk):
    station = make_station(storage=disk)
    central_system.down = True
    start(station, schedule)
    disk.full = True
    central_system.down = False
    schedule.advance(10)
    disk.full = False
    station.stop()
    assert disk.find(OUTBOX).items == []


def test_what_was_queued_meanwhile_survives_a_restart_after_it(make_station, schedule, central_system, disk):
    station = make_station(storage=disk, AllowOfflineTxForUnknownId="true")
    central_system.down = True
    disk.full = True
    start(station, schedule)
    station.unplug(1)
    schedule.advance(1)
    disk.full = False
    station.stop()
    central_system.down = False
    central_system.requests.clear()
    make_station(storage=disk, started=False).start()
    schedule.advance(10)
    names = [name for name in energy_messages(central_system) if name != "BootNotification"]
    assert names == ["StartTransaction", "StopTransaction"]
    stored = disk.get(CONNECTORS, "CP001")
    assert stored is not None
    assert "transaction" not in stored.document["connectors"]["1"]


def test_a_station_that_boots_while_it_is_full_is_in_use(make_station, schedule, central_system, disk):
    station = make_station(storage=disk, started=False)
    disk.full = True
    station.start()
    schedule.run()
    assert station.registration.accepted
    start(station, schedule)
    assert energy_messages(central_system) == ["BootNotification", "StartTransaction"]


def test_an_answer_to_a_charge_box_is_written_later_and_not_asked_for_again(sink, disk):
    sink.mode = "down"
    box = Running(sink.url, disk)
    try:
        start = box.exchange.started(1, "TAG1", 100)
        wait_until(lambda: box.document(START_TRANSACTIONS, start)["state"] == "Queued")
        disk.full = True
        sink.mode = "usual"
        wait_until(lambda: "startTransaction" in sink.operations("BOX1"))
        time.sleep(0.2)
        disk.full = False
        answered = box.answered(START_TRANSACTIONS, start)
        stop = box.answered(STOP_TRANSACTIONS, box.exchange.stopped(start, 200))
        assert (answered["state"], stop["state"]) == ("Answered", "Answered")
        assert answered["transaction_id"] > 0
        assert sink.operations("BOX1").count("startTransaction") == 1
        wait_until(lambda: box.boot_state() == 3)
    finally:
        box.close()
