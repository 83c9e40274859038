"""All operations that a station sends, 9 in 1.2 and 10 in 1.5, as a central system that is not ours receives them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ftp_server import FtpServer

from ocpp_soap.charge_point import Station, StationOptions, SteppedScheduler, central_system_sender
from ocpp_soap.messages import (
    ChargePointErrorCode,
    DataTransferRequest,
    GetDiagnosticsRequest,
    Measurand,
    ReserveNowRequest,
    Role,
    UpdateFirmwareRequest,
    Version,
    actions,
)

ALL = ",".join(str(measurand) for measurand in Measurand)


@pytest.fixture
def schedule():
    return SteppedScheduler(datetime.now(timezone.utc))


@pytest.mark.parametrize("version", Version)
def test_every_operation_is_sent_and_valid(sink, schedule, version, call, later, tmp_path):
    sink.now = lambda: schedule.now().isoformat()
    (tmp_path / "v2.bin").write_bytes(b"firmware")
    ftp = FtpServer(tmp_path)
    location = f"ftp://u:p@127.0.0.1:{ftp.port}"
    keys = {"MeterValueSampleInterval": "20"}
    if version is Version.V15:
        lists = ("MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData")
        keys |= {"ClockAlignedDataInterval": "60", **dict.fromkeys(lists, ALL)}
    sender = central_system_sender(sink.url, version, "CP1", from_url="http://127.0.0.1:1/cp")
    station = Station("CP1", version, sender, schedule, StationOptions(serial_number="S1", configuration=keys))
    station.start()
    schedule.run()
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.advance(70)
    for code in ChargePointErrorCode:
        station.fault(2, code)
    station.fault(2, ChargePointErrorCode.NO_ERROR)
    if version is Version.V15:
        call(station, ReserveNowRequest(connector_id=2, expiry_date=later(10), id_tag="T", reservation_id=1))
        station.transfer_data(DataTransferRequest(vendor_id="x", message_id="m", data="<&>"), lambda *_: None)
    station.present_tag(1, "TAG1")
    call(station, GetDiagnosticsRequest(location=location))
    schedule.advance(90)
    call(station, UpdateFirmwareRequest(retrieve_date=later(0), location=f"{location}/v2.bin"))
    schedule.advance(20)
    ftp.close()
    assert sink.complaints == []
    expected = {action.name[0].lower() + action.name[1:] for action in actions(Role.CENTRAL_SYSTEM, version)}
    assert set(sink.operations("CP1")) == expected
    assert {v for _, v, _, _ in sink.requests} == {str(version)}
