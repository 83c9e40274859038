"""The file area by FTP and FTPS, used by our own station's client and by ftplib."""

from __future__ import annotations

import ftplib
import gc
import io
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.files import ftp
from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.record import Grant
from ocpp_soap.charge_point.transfer import TransferFailed, Transfers

CONTENT = os.urandom(150_000)


@pytest.fixture
def login() -> Callable[..., ftplib.FTP]:
    def connect(port: int, grant: Grant, password: str) -> ftplib.FTP:
        client = ftplib.FTP(timeout=10)
        client.connect("127.0.0.1", port)
        try:
            client.login(grant.username, password)
        except ftplib.Error:
            client.close()
            raise
        return client

    return connect


@pytest.fixture
def diagnostics(tmp_path: Path) -> Path:
    file = tmp_path / "diagnostics.zip"
    file.write_bytes(CONTENT)
    return file


def listed(area: FileArea, count: int = 1) -> list[Any]:
    """The uploaded files, once there are so many: the server lists one just after its last byte has arrived."""
    deadline = time.monotonic() + 5
    while len(found := area.list().items) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_a_station_uploads_its_diagnostics(
    system: CentralSystem, area: FileArea, serve: Callable[..., list[int]], diagnostics: Path
) -> None:
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    area.assign(grant, 17)
    Transfers().upload(diagnostics, f"ftp://{grant.username}:{password}@127.0.0.1:{port}/", "diagnostics.zip")
    (file,) = listed(area)
    assert (file.charge_box_identity, file.name, file.size, file.command_id) == (
        "CP001",
        "diagnostics.zip",
        len(CONTENT),
        17,
    )
    assert area.path_of(file).read_bytes() == CONTENT
    (event,) = system.events.list(kinds=["file.received"]).items
    assert (event.charge_box_identity, event.data["name"]) == ("CP001", "diagnostics.zip")


@pytest.mark.parametrize("command", ["APPE", "STOR with REST"])
def test_an_upload_goes_on_where_it_was_cut(
    area: FileArea, serve: Callable[..., list[int]], login: Any, command: str
) -> None:
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    with login(port, grant, password) as client:
        client.storbinary("STOR log.bin", io.BytesIO(CONTENT[:60_000]))
        there = client.size("log.bin")
        assert there == 60_000
        if command == "APPE":
            client.storbinary("APPE log.bin", io.BytesIO(CONTENT[there:]))
        else:
            client.storbinary("STOR log.bin", io.BytesIO(CONTENT[there:]), rest=there)
    assert (area.folder(grant) / "log.bin").read_bytes() == CONTENT
    assert [file.size for file in listed(area)] == [len(CONTENT)]


def test_firmware_is_fetched_and_goes_on_where_it_was_cut(
    area: FileArea, serve: Callable[..., list[int]], diagnostics: Path, tmp_path: Path
) -> None:
    (port,) = serve()
    area.add_firmware(diagnostics, "acme-2.1.bin")
    grant, password = area.grant_download("CP001", "acme-2.1.bin")
    target = tmp_path / "fetched.bin"
    target.write_bytes(CONTENT[:70_000])
    Transfers().download(f"ftp://{grant.username}:{password}@127.0.0.1:{port}/acme-2.1.bin", target)
    assert target.read_bytes() == CONTENT


def test_files_move_by_explicit_and_by_implicit_ftps(
    area: FileArea,
    serve: Callable[..., list[int]],
    diagnostics: Path,
    certificate: Path,
    free_port: int,
    tmp_path: Path,
) -> None:
    explicit, implicit = serve(certificate=str(certificate), ftps_port=free_port)
    grant, password = area.grant_upload("CP001")
    secured = Transfers(ca_file=str(certificate))
    secured.upload(diagnostics, f"ftps://{grant.username}:{password}@127.0.0.1:{explicit}/", "one.zip")
    import ssl

    from ocpp_soap.charge_point.transfer import _Tls

    client = _Tls(ssl.create_default_context(cafile=str(certificate)), implicit=True, timeout=10)
    with client:
        client.connect("127.0.0.1", implicit)
        client.login(grant.username, password)
        client.prot_p()
        client.storbinary("STOR two.zip", io.BytesIO(CONTENT[:1000]))
    assert sorted(file.name for file in listed(area, 2)) == ["one.zip", "two.zip"]


def test_nobody_sees_the_files_of_another(area: FileArea, serve: Callable[..., list[int]], login: Any) -> None:
    (port,) = serve()
    mine, my_password = area.grant_upload("CP001")
    other, other_password = area.grant_upload("CP002")
    with login(port, mine, my_password) as client:
        client.storbinary("STOR secret.bin", io.BytesIO(b"secret"))
    with login(port, other, other_password) as client:
        assert client.nlst() == []
        for path in ("secret.bin", f"../{mine.username}/secret.bin", f"/{mine.username}/secret.bin"):
            with pytest.raises(ftplib.error_perm):
                client.retrbinary(f"RETR {path}", lambda data: None)
        with pytest.raises(ftplib.error_perm):
            client.cwd(f"../{mine.username}")


@pytest.mark.parametrize(
    "action",
    [
        lambda client: client.storbinary("STOR x.bin", io.BytesIO(b"x")),
        lambda client: client.delete("fw.bin"),
        lambda client: client.rename("fw.bin", "x.bin"),
        lambda client: client.mkd("folder"),
    ],
    ids=["store", "delete", "rename", "make a folder"],
)
def test_who_may_fetch_may_do_nothing_else(
    area: FileArea, serve: Callable[..., list[int]], login: Any, diagnostics: Path, action: Any
) -> None:
    (port,) = serve()
    area.add_firmware(diagnostics, "fw.bin")
    grant, password = area.grant_download("CP001", "fw.bin")
    with login(port, grant, password) as client, pytest.raises(ftplib.error_perm):
        action(client)
    assert (area.folder(grant) / "fw.bin").read_bytes() == CONTENT


def test_an_upload_that_is_too_large_is_cut_and_not_listed(
    area: FileArea, serve: Callable[..., list[int]], login: Any
) -> None:
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    with login(port, grant, password) as client:
        client.storbinary("STOR first.bin", io.BytesIO(CONTENT))
        with client.transfercmd("STOR second.bin") as data, suppress(OSError):
            data.sendall(CONTENT)
        with pytest.raises(ftplib.error_temp, match="426"):
            client.voidresp()
    assert [file.name for file in listed(area)] == ["first.bin"]
    assert (area.folder(grant) / "second.bin").stat().st_size <= 50_000


def test_only_so_many_files_are_taken(area: FileArea, serve: Callable[..., list[int]], login: Any) -> None:
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    with login(port, grant, password) as client:
        for number in range(10):
            client.storbinary(f"STOR {number}.bin", io.BytesIO(b"x"))
        with pytest.raises(ftplib.error_perm):
            client.storbinary("STOR 10.bin", io.BytesIO(b"x"))
        with pytest.raises(ftplib.Error):
            client.storbinary("STOU", io.BytesIO(b"x"))


def test_wrong_and_expired_credentials_open_nothing(
    system: CentralSystem, area: FileArea, serve: Callable[..., list[int]], login: Any
) -> None:
    (port,) = serve()
    grant, _ = area.grant_upload("CP001")
    with pytest.raises(ftplib.error_perm):
        login(port, grant, "guessed")
    late = FileArea(system.store, system.events, system.settings.files.path, max_size=10, lifetime=-1)
    expired, its_password = late.grant_upload("CP001")
    with pytest.raises(ftplib.error_perm):
        login(port, expired, its_password)
    with pytest.raises(TransferFailed):
        Transfers().download(f"ftp://127.0.0.1:{port}/x", Path(os.devnull))


@pytest.mark.parametrize(
    "name", ["back\\slash.zip", r"C:\logs\log.zip", "\x1b[31mRED", "\x7f", "\x9b31m", "long" * 51, ".hidden"]
)
def test_a_file_that_cannot_be_listed_is_not_taken(
    area: FileArea, serve: Callable[..., list[int]], login: Any, name: str
) -> None:
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    with login(port, grant, password) as client, pytest.raises(ftplib.error_perm, match="550"):
        client.storbinary(f"STOR {name}", io.BytesIO(b"x"))
    assert list(area.folder(grant).iterdir()) == []


@pytest.mark.parametrize("over", ["ftp", "explicit TLS", "implicit TLS"])
def test_a_connection_on_which_nobody_logs_in_ends(
    serve: Callable[..., list[int]], certificate: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    monkeypatch.setattr(ftp, "LOGIN_SECONDS", 0.5)
    ports = serve() if over == "ftp" else serve(certificate=str(certificate), ftps_port=free_port)
    with socket.create_connection(("127.0.0.1", ports[-1 if over == "implicit TLS" else 0]), timeout=10) as client:
        if over != "implicit TLS":
            client.sendall(b"NOOP\r\n")
        with suppress(ConnectionResetError):
            while client.recv(1000):
                pass


def test_who_has_logged_in_is_not_hurried(
    area: FileArea, serve: Callable[..., list[int]], login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ftp, "LOGIN_SECONDS", 0.5)
    (port,) = serve()
    with login(port, *area.grant_upload("CP001")) as client:
        time.sleep(1)
        client.storbinary("STOR log.bin", io.BytesIO(b"x"))


def test_one_address_gets_only_so_many_connections(
    area: FileArea, serve: Callable[..., list[int]], login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ftp, "MOST_OF_AN_ADDRESS", 2)
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    with login(port, grant, password), login(port, grant, password):
        one_more = ftplib.FTP(timeout=10)
        with pytest.raises(ftplib.error_temp, match="421"):
            one_more.connect("127.0.0.1", port)
        one_more.close()
        with ftplib.FTP(timeout=10, source_address=("127.0.0.2", 0)) as other:
            other.connect("127.0.0.1", port)
            other.login(grant.username, password)


def test_nothing_is_kept_of_who_has_logged_out(
    area: FileArea, serve: Callable[..., list[int]], login: Callable[..., ftplib.FTP]
) -> None:
    (port,) = serve()

    def kept() -> int:
        gc.collect()
        return sum(isinstance(held, Grant) for held in gc.get_objects())

    before = kept()
    for _ in range(5):
        with login(port, *area.grant_upload("CP001")) as client:
            client.storbinary("STOR log.bin", io.BytesIO(b"content"))
    deadline = time.monotonic() + 5
    while kept() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept() == before
