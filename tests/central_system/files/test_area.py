"""Rights to move files, the list of files, and the commands that are sent with credentials."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.transfers import FileTransfers, Protocol
from ocpp_soap.central_system.fleet_collections import GRANTS
from ocpp_soap.errors import ConfigurationError, NotFound

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def make_transfers(system: CentralSystem) -> Callable[..., FileTransfers]:
    def make(public_url: str = "https://ocpp.example.com", public_host: str = "") -> FileTransfers:
        return FileTransfers(
            system.files, system.command_queue, public_url=public_url, public_host=public_host, ports=(2121, 990)
        )

    return make


def credentials_of(location: str) -> tuple[str, str]:
    from urllib.parse import urlsplit

    url = urlsplit(location)
    return url.username or "", url.password or ""


@pytest.mark.parametrize(
    ("over", "begins", "ends"),
    [
        (Protocol.FTP, "ftp://", "@ocpp.example.com:2121/"),
        (Protocol.FTPS, "ftps://", "@ocpp.example.com:990/"),
        (Protocol.HTTP, "https://ocpp.example.com/files/", ""),
    ],
    ids=str,
)
def test_a_command_for_diagnostics_has_credentials_of_its_own(
    system: CentralSystem, make_transfers: Any, over: Protocol, begins: str, ends: str
) -> None:
    first, second = (make_transfers().get_diagnostics("CP001", over=over, start_time=NOW) for _ in range(2))
    location = first.payload["location"]
    assert location.startswith(begins)
    assert location.endswith(ends)
    assert location != second.payload["location"]
    assert first.payload["start_time"] == NOW
    username, password = credentials_of(location) if over is not Protocol.HTTP else tuple(location.split("/")[-2:])
    grant = system.files.verify(username, password)
    assert grant is not None
    assert (grant.command_id, grant.charge_box_identity) == (first.command_id, "CP001")
    assert grant.expires_at == first.deadline


def test_a_command_for_firmware_names_the_file(system: CentralSystem, make_transfers: Any, tmp_path: Path) -> None:
    source = tmp_path / "acme 2.1.bin"
    source.write_bytes(b"firmware")
    system.files.add_firmware(source)
    command = make_transfers(public_host="192.0.2.1").update_firmware("CP001", "acme 2.1.bin", NOW)
    assert command.payload["location"].endswith("@192.0.2.1:2121/acme%202.1.bin")
    assert command.payload["retrieve_date"] == NOW
    with pytest.raises(NotFound, match="there is no firmware other"):
        make_transfers().update_firmware("CP001", "other.bin", NOW)


def test_firmware_can_be_fetched_after_its_retrieve_date(
    system: CentralSystem, make_transfers: Any, tmp_path: Path
) -> None:
    (tmp_path / "fw.bin").write_bytes(b"firmware")
    system.files.add_firmware(tmp_path / "fw.bin")
    lifetime = timedelta(seconds=system.settings.files.lifetime)
    retrieve_date = datetime.now(timezone.utc) + 3 * lifetime
    command = make_transfers().update_firmware("CP001", "fw.bin", retrieve_date)
    grant = system.files.verify(*credentials_of(command.payload["location"]))
    assert grant is not None
    assert grant.expires_at == retrieve_date + lifetime
    with pytest.raises(ValueError, match="before the year 10000"):
        make_transfers().update_firmware("CP001", "fw.bin", datetime.max.replace(tzinfo=timezone.utc))


def test_no_command_is_sent_after_its_credentials_have_expired(system: CentralSystem, make_transfers: Any) -> None:
    now = datetime.now(timezone.utc)
    lifetime = timedelta(seconds=system.settings.files.lifetime)
    for asked, most in ((now + 9 * lifetime, now + 2 * lifetime), (None, now + 2 * lifetime), (now, now)):
        assert make_transfers().get_diagnostics("CP001", deadline=asked).deadline <= most


def test_without_an_address_of_ours_no_station_is_asked_and_no_right_is_given(
    system: CentralSystem, make_transfers: Any, tmp_path: Path
) -> None:
    (tmp_path / "fw.bin").touch()
    system.files.add_firmware(tmp_path / "fw.bin")
    with pytest.raises(ConfigurationError, match=r"ftp\.public_host"):
        make_transfers(public_url="").get_diagnostics("CP001")
    with pytest.raises(ConfigurationError, match=r"server\.public_url"):
        make_transfers(public_url="", public_host="x").update_firmware("CP001", "fw.bin", NOW, over=Protocol.HTTP)
    assert system.store.find(GRANTS, {}).items == []
    assert list((system.settings.files.path / "transfers").iterdir()) == []


def test_names_with_folders_are_no_names(area: FileArea, tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.touch()
    for name in ("../x", "a/b", ".x", "a\\b"):
        with pytest.raises(ValueError, match="is no name for a file"):
            area.add_firmware(source, name)
        with pytest.raises(ValueError, match="is no name for a file"):
            area.grant_download("CP001", name)


def test_rights_whose_time_is_over_are_taken_back(system: CentralSystem, area: FileArea, tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"firmware")
    area.add_firmware(tmp_path / "fw.bin")
    late = FileArea(system.store, system.events, system.settings.files.path, max_size=10, lifetime=-1)
    kept, _ = late.grant_upload("CP001")
    (late.folder(kept) / "log.zip").write_bytes(b"log")
    late.received(kept, "log.zip")
    (late.folder(kept) / "half.zip").write_bytes(b"l")
    fetched, _ = late.grant_download("CP001", "fw.bin")
    valid, password = area.grant_upload("CP001")
    area.tidy({})
    assert [file.name for file in late.folder(kept).iterdir()] == ["log.zip"]
    assert not late.folder(fetched).exists()
    assert area.verify(valid.username, password) == valid
    assert [file.name for file in area.firmware()] == ["fw.bin"]


def test_an_uploaded_file_can_be_removed(area: FileArea) -> None:
    grant, _ = area.grant_upload("CP001")
    (area.folder(grant) / "log.zip").write_bytes(b"log")
    file = area.received(grant, "log.zip")
    assert area.get(file.file_id) == file
    assert area.remove(file.file_id)
    assert not area.remove(file.file_id)
    assert not area.path_of(file).exists()
    assert area.list().items == []


def test_what_is_in_the_area_is_for_its_own_user(system: CentralSystem, area: FileArea, tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"firmware")
    before = os.umask(0o022)
    try:
        area.add_firmware(tmp_path / "fw.bin")
        grant, _ = area.grant_upload("CP001")
        with area.space(grant).open("log.zip", "wb") as file:
            file.write(b"log")
        with area.space(grant).upload("other.zip") as file:
            file.write(b"log")
    finally:
        os.umask(before)
    root = system.settings.files.path
    modes = {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()}
    assert (modes, root.stat().st_mode & 0o777) == ({0o600}, 0o700)
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_dir()} == {0o700}


@pytest.fixture
def given_away(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """Who was given which inode, as if this user were root."""
    found: dict[int, tuple[int, int]] = {}

    def give(path: Path, user: int, group: int) -> None:
        found[path.lstat().st_ino] = user, group

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "lchown", give)
    return found


def test_what_root_makes_belongs_to_the_owner_of_the_folder_it_is_in(
    system: CentralSystem, area: FileArea, tmp_path: Path, given_away: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fw.bin").write_bytes(b"firmware")
    monkeypatch.setattr(os, "link", _refuse)
    area.add_firmware(tmp_path / "fw.bin")
    grant, _ = area.grant_download("CP001", "fw.bin")
    assert (area.folder(grant) / "fw.bin").read_bytes() == b"firmware"
    root, owner = system.settings.files.path, tmp_path.stat()
    made = {path.stat().st_ino for path in (root, *root.rglob("*"))}
    assert given_away == dict.fromkeys(made, (owner.st_uid, owner.st_gid))


def test_what_root_may_not_give_away_it_keeps(
    area: FileArea, tmp_path: Path, given_away: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fw.bin").write_bytes(b"firmware")
    monkeypatch.setattr(os, "lchown", _refuse)
    assert area.add_firmware(tmp_path / "fw.bin").read_bytes() == b"firmware"


def test_nothing_is_given_away_by_others(
    area: FileArea, tmp_path: Path, given_away: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fw.bin").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    area.add_firmware(tmp_path / "fw.bin")
    assert given_away == {}


def test_firmware_that_cannot_be_read_is_told_and_no_right_is_given(
    system: CentralSystem, make_transfers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fw.bin").touch()
    system.files.add_firmware(tmp_path / "fw.bin")
    monkeypatch.setattr(Path, "open", _refuse)
    with pytest.raises(
        ConfigurationError, match=r"^firmware fw\.bin cannot be read: Permission denied; it has to belong"
    ):
        make_transfers().update_firmware("CP001", "fw.bin", NOW)
    assert not (system.settings.files.path / "transfers").exists()


def test_of_a_copy_that_fails_nothing_stays(
    system: CentralSystem, area: FileArea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fw.bin").write_bytes(b"firmware")
    area.add_firmware(tmp_path / "fw.bin")
    monkeypatch.setattr(os, "link", _refuse)
    monkeypatch.setattr(shutil, "copyfileobj", _refuse)
    with pytest.raises(PermissionError):
        area.grant_download("CP001", "fw.bin")
    with pytest.raises(PermissionError):
        area.add_firmware(tmp_path / "fw.bin", "other.bin")
    root = system.settings.files.path
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["fw.bin"]
    assert list((root / "transfers").iterdir()) == []
    assert system.store.find(GRANTS, {}, limit=1).items == []


def _refuse(*_: Any, **__: Any) -> Any:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
