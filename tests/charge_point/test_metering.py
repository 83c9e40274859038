"""Sampled and clock-aligned meter values, and what a stop carries (15 §4.7, §4.10, §6.9.1; notes 5, 7.29)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ocpp_soap.charge_point.meter import ChargingCurve, Reading, SimulatedMeter
from ocpp_soap.charge_point.metering import next_boundary, next_multiple
from ocpp_soap.messages import ChargePointErrorCode, Measurand, ReadingContext, Version

ALL = ",".join(str(m) for m in Measurand)


def start(station, schedule, connector=1):
    station.plug(connector)
    station.present_tag(connector, "TAG1")
    schedule.run()


def readings(central_system):
    return [
        (values.timestamp, value)
        for request in central_system.sent("MeterValues")
        for values in request.values
        for value in values.value
    ]


def test_samples_are_counted_from_the_start_of_the_transaction(make_station, schedule, central_system, noon):
    station = make_station(MeterValueSampleInterval=60)
    schedule.advance(17)
    start(station, schedule)
    schedule.advance(200)
    assert [t - noon for t, _ in readings(central_system)] == [timedelta(seconds=17 + 60 * n) for n in (1, 2, 3)]
    value = readings(central_system)[0][1]
    assert (value.context, value.measurand, value.unit) == ("Sample.Periodic", "Energy.Active.Import.Register", "Wh")
    assert (value.location, value.value) == ("Outlet", "183")


@pytest.mark.parametrize("key", ["MeterValueSampleInterval", "ClockAlignedDataInterval"])
def test_a_meter_that_cannot_be_read_once_is_read_again(make_station, schedule, central_system, monkeypatch, key):
    station = make_station(**{"MeterValueSampleInterval": 0, key: 60})
    start(station, schedule)
    schedule.advance(61)
    with monkeypatch.context() as away:
        away.setattr(SimulatedMeter, "energy", lambda *_: 1 / 0)
        schedule.advance(60)
    assert len(readings(central_system)) == 1
    schedule.advance(60)
    assert len(readings(central_system)) == 2


def test_samples_name_the_transaction(make_station, schedule, central_system):
    station = make_station(MeterValueSampleInterval=60)
    start(station, schedule)
    schedule.advance(61)
    request = central_system.sent("MeterValues")[0]
    assert (request.connector_id, request.transaction_id) == (1, 101)


def test_1_2_sends_one_whole_number_of_wh_and_nothing_else(make_station, schedule, central_system):
    station = make_station(Version.V12, MeterValueSampleInterval=60)
    start(station, schedule)
    schedule.advance(61)
    request = central_system.sent("MeterValues")[0]
    value = request.values[0].value[0]
    assert request.transaction_id is None
    assert (value.value, value.context, value.measurand, value.unit) == ("183", None, None, None)


def test_all_measurands_can_be_sampled(make_station, schedule, central_system):
    station = make_station(MeterValueSampleInterval=60, MeterValuesSampledData=ALL)
    start(station, schedule)
    schedule.advance(61)
    values = {value.measurand: value for _, value in readings(central_system)}
    assert set(values) == set(Measurand)
    assert all(value.unit is not None for value in values.values())
    assert values[Measurand.POWER_ACTIVE_IMPORT].value == "11000"
    assert values[Measurand.CURRENT_IMPORT].value == "15.9"
    assert values[Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL].value == "183"
    assert values[Measurand.TEMPERATURE].location == "Body"


def test_no_interval_no_samples(make_station, schedule, central_system):
    station = make_station(MeterValueSampleInterval=0)
    start(station, schedule)
    schedule.advance(1000)
    assert readings(central_system) == []


class TestClockAligned:
    def test_intervals_are_cut_from_midnight_with_a_partial_first_and_last(
        self, make_station, schedule, central_system, noon
    ):
        station = make_station(
            MeterValueSampleInterval=0,
            ClockAlignedDataInterval=900,
            MeterValuesAlignedData="Energy.Active.Import.Interval,Power.Active.Import",
        )
        schedule.advance(300)
        start(station, schedule)
        schedule.advance(1800)
        station.unplug(1)
        schedule.run()
        energies = [(t, v.value) for t, v in readings(central_system) if v.measurand.endswith("Interval")]
        minutes = [(int((t - noon).total_seconds() / 60), int(value)) for t, value in energies]
        assert minutes == [(5, 1833), (15, 2750), (30, 916)]
        assert {v.context for _, v in readings(central_system)} == {ReadingContext.SAMPLE_CLOCK}
        powers = [v.value for _, v in readings(central_system) if v.measurand == "Power.Active.Import"]
        assert powers == ["11000"] * 3

    def test_they_are_sent_at_the_end_of_the_interval(self, make_station, schedule, central_system):
        station = make_station(MeterValueSampleInterval=0, ClockAlignedDataInterval=900)
        start(station, schedule)
        schedule.advance(899)
        assert readings(central_system) == []
        schedule.advance(1)
        assert len(readings(central_system)) == 1

    def test_an_idle_connector_sends_none(self, make_station, schedule, central_system):
        make_station(ClockAlignedDataInterval=60)
        schedule.advance(600)
        assert readings(central_system) == []


class TestStop:
    def test_it_carries_what_was_collected_between_begin_and_end(self, make_station, schedule, central_system):
        station = make_station(
            MeterValueSampleInterval=60,
            StopTxnSampledData="Power.Active.Import",
            ClockAlignedDataInterval=300,
            StopTxnAlignedData="Energy.Active.Import.Interval",
        )
        start(station, schedule)
        schedule.advance(150)
        station.unplug(1)
        schedule.run()
        data = central_system.sent("StopTransaction")[0].transaction_data
        contexts = [value.context for part in data for values in part.values for value in values.value]
        assert contexts == [
            "Transaction.Begin",
            "Sample.Periodic",
            "Sample.Periodic",
            "Sample.Clock",
            "Transaction.End",
        ]

    def test_it_carries_nothing_unless_configured(self, station, schedule, central_system):
        start(station, schedule)
        schedule.advance(100)
        station.unplug(1)
        schedule.run()
        assert central_system.sent("StopTransaction")[0].transaction_data == []


def test_a_fault_interrupts_charging_and_says_so(make_station, schedule, central_system):
    station = make_station(MeterValueSampleInterval=0)
    start(station, schedule)
    schedule.advance(360)
    station.fault(1, ChargePointErrorCode.GROUND_FAILURE)
    schedule.advance(3600)
    station.fault(1, ChargePointErrorCode.NO_ERROR)
    schedule.advance(360)
    station.unplug(1)
    schedule.run()
    assert [v.context for _, v in readings(central_system)] == ["Interruption.Begin", "Interruption.End"]
    assert central_system.sent("StopTransaction")[0].meter_stop == 2200


class TestMeter:
    def test_power_is_constant_and_then_tapers_to_the_capacity(self):
        curve = ChargingCurve(power_w=10_000, capacity=10_000, taper_from=0.8)
        assert curve.energy(1800) == pytest.approx(5000)
        assert curve.power(2880) == pytest.approx(10_000)
        assert curve.power(3600) == pytest.approx(10_000 * 2.718281828**-1)
        assert curve.energy(36_000) == pytest.approx(10_000, rel=1e-3)

    def test_the_power_is_what_the_energy_grows_by(self):
        curve = ChargingCurve()
        for seconds in (100.0, 5000.0, 6000.0, 9000.0):
            grown = (curve.energy(seconds + 1) - curve.energy(seconds)) * 3600
            assert grown == pytest.approx(curve.power(seconds + 0.5), rel=1e-3)

    def test_the_register_goes_on_with_the_next_vehicle(self, noon):
        meter = SimulatedMeter(1000)
        meter.close(noon, new_vehicle=True)
        meter.open(noon + timedelta(hours=1))
        meter.close(noon + timedelta(hours=2), new_vehicle=True)
        assert meter.energy(noon + timedelta(hours=3)) == pytest.approx(1000 + 2 * 11_000)

    def test_nothing_is_exported(self):
        reading = Reading(5000, 100, 7000)
        exported = [m for m in Measurand if "Export" in m.value]
        values = {reading.value(m, ReadingContext.SAMPLE_PERIODIC, Version.V15).value for m in exported}
        assert values <= {"0", "0.0"}


def test_boundaries_are_multiples_after_midnight():
    assert next_boundary(datetime(2026, 1, 5, 23, 59, tzinfo=timezone.utc), 900).day == 6
    noon = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
    assert next_boundary(noon, 900) == noon + timedelta(minutes=15)
    assert next_multiple(noon, noon + timedelta(seconds=60), 60) == noon + timedelta(seconds=120)
