"""GetDiagnostics and UpdateFirmware (15 §5.7, §5.15; notes 6, 7.25, 7.26, 7.28)."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
from ftp_server import FtpServer

from ocpp_soap.charge_point.transfer import Transfers
from ocpp_soap.messages import GetDiagnosticsRequest, UpdateFirmwareRequest, Version
from ocpp_soap.storage.file import FileStorage


@pytest.fixture
def ftp(tmp_path):
    server = FtpServer(tmp_path)
    server.url = f"ftp://u:p@127.0.0.1:{server.port}"
    yield server
    server.close()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def statuses(central_system, name):
    return [str(r.status) for r in central_system.sent(f"{name}StatusNotification")]


class TestDiagnostics:
    @pytest.mark.parametrize("version", Version)
    def test_one_compressed_file_arrives_under_the_name_that_was_answered(
        self, make_station, call, schedule, central_system, ftp, version
    ):
        station = make_station(version)
        name = call(station, GetDiagnosticsRequest(location=f"{ftp.url}/logs")).file_name
        assert name.endswith(".gz")
        schedule.advance(1)
        content = gzip.decompress((ftp.root / "logs" / name).read_bytes()).decode()
        assert "boot accepted" in content
        assert statuses(central_system, "Diagnostics") == ["Uploaded"]

    def test_an_interrupted_upload_is_resumed_after_the_interval(self, station, call, schedule, central_system, ftp):
        ftp.cut_after = [50]
        request = GetDiagnosticsRequest(location=ftp.url, retries=2, retry_interval=30)
        name = call(station, request).file_name
        schedule.advance(29)
        assert statuses(central_system, "Diagnostics") == []
        schedule.advance(3)
        assert statuses(central_system, "Diagnostics") == ["Uploaded"]
        assert gzip.decompress((ftp.root / name).read_bytes())

    def test_it_gives_up_after_as_many_attempts_as_were_asked_for(self, station, call, schedule, central_system, ftp):
        ftp.cut_after = [0, 0, 0]
        call(station, GetDiagnosticsRequest(location=ftp.url, retries=2, retry_interval=5))
        schedule.advance(60)
        assert statuses(central_system, "Diagnostics") == ["UploadFailed"]
        assert ftp.commands.count("STOR") == 2

    @pytest.mark.parametrize("location", ["ftp://a..b/", "ftp://u:p%0Ax@127.0.0.1/", "http://a..b/"])
    def test_a_location_that_cannot_be_used_is_reported(
        self, station, call, schedule, central_system, temporary, location
    ):
        call(station, GetDiagnosticsRequest(location=location, retries=2, retry_interval=5))
        schedule.advance(60)
        assert statuses(central_system, "Diagnostics") == ["UploadFailed"]
        assert list(temporary.iterdir()) == []

    def test_a_file_that_was_removed_meanwhile_is_reported(
        self, station, call, schedule, central_system, ftp, temporary
    ):
        call(station, GetDiagnosticsRequest(location=ftp.url, retries=1))
        shutil.rmtree(temporary)
        schedule.advance(60)
        assert statuses(central_system, "Diagnostics") == ["UploadFailed"]

    def test_no_file_is_left_of_an_upload_that_was_cut_off(self, station, call, schedule, ftp, temporary):
        ftp.cut_after = [0]
        call(station, GetDiagnosticsRequest(location=ftp.url, retries=2, retry_interval=600))
        schedule.advance(1)
        assert len(list(temporary.iterdir())) == 1
        station.stop()
        assert list(temporary.iterdir()) == []

    def test_only_the_entries_of_the_asked_time_are_sent(self, station, call, schedule, ftp, later):
        schedule.advance(100)
        station.plug(1)
        schedule.run()
        name = call(station, GetDiagnosticsRequest(location=ftp.url, start_time=later(-5))).file_name
        schedule.advance(1)
        content = gzip.decompress((ftp.root / name).read_bytes()).decode()
        assert "StatusNotification" in content
        assert "boot accepted" not in content

    def test_where_there_is_nothing_to_send_nothing_follows(self, station, call, schedule, central_system, later):
        answer = call(station, GetDiagnosticsRequest(location="ftp://127.0.0.1/", stop_time=later(-3600)))
        assert answer.file_name is None
        schedule.advance(60)
        assert statuses(central_system, "Diagnostics") == []

    def test_a_disk_without_room_has_nothing_to_send(self, station, call, temporary, monkeypatch):
        request = GetDiagnosticsRequest(location="ftp://127.0.0.1/")
        monkeypatch.setattr(Path, "write_bytes", Mock(side_effect=OSError(28, "No space left on device")))
        assert call(station, request).file_name is None
        assert list(temporary.iterdir()) == []
        temporary.rmdir()
        assert call(station, request).file_name is None


class TestFirmware:
    @pytest.fixture
    def firmware(self, ftp):
        (ftp.root / "v2.1.0.bin").write_bytes(b"firmware" * 1000)
        return f"{ftp.url}/v2.1.0.bin"

    def update(self, call, station, location, when, **more):
        call(station, UpdateFirmwareRequest(retrieve_date=when, location=location, **more))

    @pytest.mark.parametrize("version", Version)
    def test_it_is_fetched_at_its_date_installed_and_booted(
        self, make_station, call, schedule, central_system, firmware, later, version
    ):
        station = make_station(version)
        self.update(call, station, firmware, later(600))
        schedule.advance(599)
        assert statuses(central_system, "Firmware") == []
        schedule.advance(10)
        relevant = [n for n in central_system.names() if n in ("FirmwareStatusNotification", "BootNotification")]
        assert statuses(central_system, "Firmware") == ["Downloaded", "Installed"]
        assert relevant == ["FirmwareStatusNotification"] * 2 + ["BootNotification"]
        assert central_system.sent("BootNotification")[0].firmware_version == "v2.1.0"

    def test_it_is_installed_when_nobody_charges(self, station, call, schedule, central_system, firmware, later):
        station.plug(1)
        station.present_tag(1, "TAG1")
        schedule.run()
        self.update(call, station, firmware, later(-60))
        schedule.advance(60)
        assert statuses(central_system, "Firmware") == ["Downloaded"]
        station.unplug(1)
        schedule.advance(10)
        assert statuses(central_system, "Firmware") == ["Downloaded", "Installed"]

    def test_a_download_is_resumed(self, station, call, schedule, central_system, ftp, firmware, later):
        ftp.cut_after = [1234]
        self.update(call, station, firmware, later(0), retries=2, retry_interval=5)
        schedule.advance(20)
        assert statuses(central_system, "Firmware") == ["Downloaded", "Installed"]
        assert "REST" in ftp.commands

    def test_what_cannot_be_fetched_is_reported(self, station, call, schedule, central_system, ftp, later):
        self.update(call, station, f"{ftp.url}/missing.bin", later(0), retries=2, retry_interval=5)
        schedule.advance(20)
        assert statuses(central_system, "Firmware") == ["DownloadFailed"]
        assert ftp.commands.count("RETR") == 2

    @pytest.mark.parametrize("location", ["ftp://a..b/x", "ftp://u:p%0Ax@127.0.0.1/x", "http://a..b/x"])
    def test_a_location_that_cannot_be_used_is_reported(
        self, station, call, schedule, central_system, later, temporary, location
    ):
        self.update(call, station, location, later(0), retries=2, retry_interval=5)
        schedule.advance(20)
        assert statuses(central_system, "Firmware") == ["DownloadFailed"]
        assert list(temporary.iterdir()) == []

    def test_a_disk_without_room_is_reported(self, station, call, schedule, central_system, firmware, later, temporary):
        temporary.rmdir()
        self.update(call, station, firmware, later(0))
        schedule.advance(20)
        assert statuses(central_system, "Firmware") == ["DownloadFailed"]

    def test_no_file_is_left_of_an_update_that_was_replaced_or_cut_off(
        self, station, call, schedule, central_system, ftp, later, temporary
    ):
        for _ in range(3):
            self.update(call, station, f"{ftp.url}/missing.bin", later(0), retry_interval=600)
            schedule.advance(1)
        assert len(list(temporary.iterdir())) == 1
        station.stop()
        assert list(temporary.iterdir()) == []

    def test_a_download_that_was_removed_before_its_installation_fails(
        self, station, call, schedule, central_system, firmware, later, temporary
    ):
        station.plug(1)
        station.present_tag(1, "TAG1")
        schedule.run()
        self.update(call, station, firmware, later(0))
        schedule.advance(1)
        for folder in temporary.iterdir():
            shutil.rmtree(folder)
        station.unplug(1)
        schedule.advance(10)
        assert statuses(central_system, "Firmware") == ["Downloaded", "InstallationFailed"]

    def test_the_boot_can_name_a_version_whatever_the_file_is_called(
        self, station, call, schedule, central_system, later, monkeypatch
    ):
        monkeypatch.setattr(Transfers, "download", lambda _self, _location, file: file.write_bytes(b"firmware"))
        self.update(call, station, "ftp://127.0.0.1/v%01%1f3.bin", later(0))
        schedule.advance(20)
        assert central_system.sent("BootNotification")[0].firmware_version == "v3"

    def test_an_empty_file_cannot_be_installed(self, station, call, schedule, central_system, ftp, later):
        (ftp.root / "empty.bin").write_bytes(b"")
        self.update(call, station, f"{ftp.url}/empty.bin", later(0))
        schedule.advance(20)
        assert statuses(central_system, "Firmware") == ["Downloaded", "InstallationFailed"]
        assert central_system.sent("BootNotification") == []

    def test_a_second_update_replaces_the_first(self, station, call, schedule, central_system, firmware, later):
        self.update(call, station, "ftp://127.0.0.1:1/first.bin", later(30))
        self.update(call, station, firmware, later(10))
        schedule.advance(100)
        assert statuses(central_system, "Firmware") == ["Downloaded", "Installed"]

    @pytest.mark.parametrize("charging", [False, True])
    def test_a_restart_goes_on_with_an_update_that_was_pending(
        self, make_station, call, schedule, central_system, firmware, later, tmp_path, charging
    ):
        with closing(FileStorage(tmp_path / "station.db")) as storage:
            first = make_station(storage=storage)
            if charging:
                first.plug(1)
                first.present_tag(1, "TAG1")
                schedule.run()
            self.update(call, first, firmware, later(5))
            schedule.advance(6 if charging else 4)
            first.stop()
            schedule._heap.clear()
            central_system.requests.clear()
            for _ in range(2):
                again = make_station(storage=storage, started=False)
                again.start()
                schedule.advance(10)
                again.stop()
                schedule._heap.clear()
            assert statuses(central_system, "Firmware") == ["Downloaded", "Installed"]
            assert [boot.firmware_version for boot in central_system.sent("BootNotification")][-2:] == ["v2.1.0"] * 2
