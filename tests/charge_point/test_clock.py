"""What follows when the clock of a station is set (12 §4.5, 15 §4.6, §5.11, §5.15)."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ocpp_soap.charge_point import StationOptions
from ocpp_soap.charge_point.transfer import Transfers
from ocpp_soap.messages import (
    CancelReservationRequest,
    HeartbeatResponse,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    UpdateFirmwareRequest,
)
from ocpp_soap.storage.file import FileStorage


class Downloads(Transfers):
    """Notes what is fetched, and fetches nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.locations: list[str] = []

    def download(self, location: str, file: Path) -> None:
        self.locations.append(location)
        file.write_bytes(b"firmware")


@pytest.fixture
def set_clock(schedule, central_system):
    """Let the answer to the next Heartbeat be so many seconds ahead."""

    def set_clock(station, seconds):
        ahead = timedelta(seconds=seconds)
        central_system.answers["Heartbeat"] = lambda _request: HeartbeatResponse(current_time=schedule.now() + ahead)
        schedule.advance(300)
        assert station.now() - schedule.now() == ahead

    return set_clock


def reserve(call, station, later, seconds):
    request = ReserveNowRequest(connector_id=1, expiry_date=later(seconds), id_tag="TAG1", reservation_id=7)
    assert call(station, request).status == "Accepted"


def test_a_reservation_ends_whose_date_has_passed_by_the_new_clock(station, call, later, set_clock):
    reserve(call, station, later, 600)
    set_clock(station, 3600)
    assert call(station, RemoteStartTransactionRequest(id_tag="OTHER", connector_id=1)).status == "Accepted"
    assert call(station, CancelReservationRequest(reservation_id=7)).status == "Rejected"


def test_a_reservation_lasts_until_the_new_clock_shows_its_date(station, call, later, schedule, set_clock):
    reserve(call, station, later, 600)
    set_clock(station, -3600)
    schedule.advance(3600)
    assert station.reservations.of(1) is not None
    schedule.advance(300)
    assert station.reservations.of(1) is None


@pytest.mark.parametrize(("ahead", "seconds"), [(3600, 0), (-3600, 3900)])
def test_firmware_is_fetched_when_the_new_clock_shows_its_date(
    make_station, call, later, schedule, set_clock, ahead, seconds
):
    downloads = Downloads()
    station = make_station(options=StationOptions(transfers=downloads))
    call(station, UpdateFirmwareRequest(retrieve_date=later(600), location="ftp://127.0.0.1/v2.bin"))
    set_clock(station, ahead)
    if seconds:
        schedule.advance(seconds - 1)
        assert downloads.locations == []
        schedule.advance(1)
    assert downloads.locations == ["ftp://127.0.0.1/v2.bin"]
    schedule.advance(9999)
    assert len(downloads.locations) == 1


def test_the_clock_goes_on_after_a_restart(make_station, call, later, schedule, set_clock, tmp_path):
    with closing(FileStorage(tmp_path / "station.db")) as storage:
        station = make_station(storage=storage)
        set_clock(station, -3600)
        reserve(call, station, later, -3000)
        station.stop()
        again = make_station(storage=storage, started=False)
        again.start()
        assert again.now() == schedule.now() - timedelta(hours=1)
        assert again.reservations.of(1) is not None


def test_the_clock_is_right_after_a_restart_if_that_of_the_machine_was_set(
    make_station, call, later, schedule, set_clock, tmp_path, monkeypatch
):
    with closing(FileStorage(tmp_path / "station.db")) as storage:
        station = make_station(storage=storage)
        set_clock(station, 3600)
        reserve(call, station, later, 9000)
        monkeypatch.setattr(schedule, "clock_set_by", lambda: timedelta(hours=1))
        station.stop()
        right = station.now()
        monkeypatch.undo()
        schedule.advance(3600)
        again = make_station(storage=storage, started=False)
        again.start()
        assert again.now() == right
        assert again.reservations.of(1) is not None


def test_the_clock_is_right_after_a_power_cut_if_that_of_the_machine_was_set_before_the_last_heartbeat(
    make_station, call, later, schedule, central_system, set_clock, tmp_path, monkeypatch
):
    with closing(FileStorage(tmp_path / "station.db")) as storage:
        station = make_station(storage=storage)
        set_clock(station, 3600)
        reserve(call, station, later, 9000)
        monkeypatch.setattr(schedule, "clock_set_by", lambda: timedelta(hours=1))
        schedule.advance(300)
        right = station.now()
        monkeypatch.undo()
        central_system.down = True
        schedule.advance(3600)
        again = make_station(storage=storage, started=False)
        again.start()
        assert again.now() == right
        assert again.reservations.of(1) is not None


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_clock_aligned_values_follow_the_new_clock(make_station, schedule, central_system, set_clock, ahead):
    station = make_station(MeterValueSampleInterval=0, ClockAlignedDataInterval=900)
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.run()
    set_clock(station, ahead)
    told = station.now()
    schedule.advance(1800)
    times = [r.values[0].timestamp for r in central_system.sent("MeterValues")]
    assert len(times) == 2
    assert told - timedelta(minutes=5, seconds=1) <= times[0] < times[1] < told + timedelta(minutes=15)


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_the_meter_counts_the_time_that_passed_and_not_what_the_clock_was_moved_by(
    make_station, schedule, central_system, set_clock, ahead
):
    station = make_station(MeterValueSampleInterval=0)
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.run()
    set_clock(station, ahead)
    schedule.advance(60)
    station.stop_transaction(1)
    schedule.run()
    assert central_system.sent("StopTransaction")[0].meter_stop == 1100
