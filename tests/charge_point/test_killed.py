"""What a station that was killed, or lost its power, takes up again when it is switched on (12/15 §3.2)."""

from __future__ import annotations

import pytest

from ocpp_soap.messages import StartTransactionRequest
from ocpp_soap.storage.file import FileStorage


@pytest.fixture
def storage(tmp_path):
    store = FileStorage(tmp_path / "station.db")
    yield store
    store.close()


@pytest.fixture
def kill(schedule):
    """End a station as kill -9 does: nothing is saved, and none of its timers runs any more."""

    def kill(station):
        station.outbox.stop()
        schedule._heap.clear()
        schedule._jobs.clear()

    return kill


@pytest.fixture
def switch_on(make_station, schedule, central_system, storage):
    """Switch a station on; what was sent before is forgotten, what it sends at once is not."""

    def switch_on(**configuration):
        central_system.requests.clear()
        station = make_station(storage=storage, started=False, **configuration)
        station.start()
        schedule.run()
        return station

    return switch_on


class Killed(Exception):
    """The process ends here."""


def transactions(central_system):
    return [name for name in central_system.names() if name.endswith("Transaction")]


def start(station, schedule):
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.run()


def test_a_session_is_ended_that_had_no_meter_value_yet(switch_on, kill, schedule, central_system):
    station = switch_on()
    start(station, schedule)
    kill(station)
    switch_on()
    assert [stop.transaction_id for stop in central_system.sent("StopTransaction")] == [101]


def test_a_session_is_ended_whose_start_was_not_answered(switch_on, kill, schedule, central_system):
    station = switch_on(AllowOfflineTxForUnknownId="true")
    central_system.down = True
    start(station, schedule)
    kill(station)
    central_system.down = False
    switch_on()
    assert transactions(central_system) == ["StartTransaction", "StopTransaction"]
    assert central_system.sent("StopTransaction")[0].transaction_id == 101


@pytest.mark.parametrize(("queued", "sent"), [(False, []), (True, ["StartTransaction", "StopTransaction"])])
def test_a_session_is_ended_if_its_start_was_queued(
    switch_on, kill, schedule, central_system, monkeypatch, queued, sent
):
    station = switch_on()
    put = station.outbox.put

    def die_at_the_start(request, **more):
        if queued or not isinstance(request, StartTransactionRequest):
            put(request, **more)
        if isinstance(request, StartTransactionRequest):
            raise Killed

    monkeypatch.setattr(station.outbox, "put", die_at_the_start)
    with pytest.raises(Killed):
        start(station, schedule)
    kill(station)
    second = switch_on()
    assert transactions(central_system) == sent
    assert second.outbox.set_aside == ()
