"""The file area by HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import requests

from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.charge_point.transfer import Transfers

CONTENT = os.urandom(150_000)


@pytest.fixture
def diagnostics(tmp_path: Path) -> Path:
    file = tmp_path / "diagnostics.zip"
    file.write_bytes(CONTENT)
    return file


def test_a_station_uploads_its_diagnostics(area: FileArea, web: str, diagnostics: Path) -> None:
    grant, password = area.grant_upload("CP001")
    Transfers().upload(diagnostics, f"{web}/{grant.username}/{password}", "diagnostics.zip")
    (file,) = area.list(charge_box_identity="CP001").items
    assert (file.name, area.path_of(file).read_bytes()) == ("diagnostics.zip", CONTENT)


def test_a_chunked_upload_is_taken(area: FileArea, web: str) -> None:
    grant, password = area.grant_upload("CP001")
    parts = (CONTENT[begin : begin + 1000] for begin in range(0, 5000, 1000))
    answer = requests.post(f"{web}/{grant.username}/{password}/log.bin", data=parts, timeout=10)
    assert answer.status_code == 201
    assert [file.size for file in area.list().items] == [5000]


def test_firmware_is_fetched_and_goes_on_where_it_was_cut(
    area: FileArea, web: str, diagnostics: Path, tmp_path: Path
) -> None:
    area.add_firmware(diagnostics, "fw.bin")
    grant, password = area.grant_download("CP001", "fw.bin")
    target = tmp_path / "fetched.bin"
    target.write_bytes(CONTENT[:70_000])
    Transfers().download(f"{web}/{grant.username}/{password}/fw.bin", target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("wanted", "status", "length", "content_range"),
    [
        ("", 200, 150_000, None),
        ("bytes=100-", 206, 149_900, "bytes 100-149999/150000"),
        ("bytes=100-199", 206, 100, "bytes 100-199/150000"),
        ("bytes=0-999999", 206, 150_000, "bytes 0-149999/150000"),
        ("bytes=150000-", 416, None, "bytes */150000"),
        ("lines=1-2", 200, 150_000, None),
    ],
)
def test_a_part_is_answered_as_a_part(
    area: FileArea, web: str, diagnostics: Path, wanted: str, status: int, length: int | None, content_range: str | None
) -> None:
    area.add_firmware(diagnostics, "fw.bin")
    grant, password = area.grant_download("CP001", "fw.bin")
    url = f"{web}/{grant.username}/{password}/fw.bin"
    answer = requests.get(url, headers={"Range": wanted} if wanted else {}, timeout=10)
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, content_range)
    if length is not None:
        assert len(answer.content) == length
        assert requests.head(url, timeout=10).headers["Content-Length"] == "150000"


def test_what_is_not_named_rightly_does_not_exist(area: FileArea, web: str, diagnostics: Path) -> None:
    area.add_firmware(diagnostics, "fw.bin")
    grant, password = area.grant_download("CP001", "fw.bin")
    other, other_password = area.grant_upload("CP002")
    for path in (
        f"{grant.username}/guessed/fw.bin",
        f"nobody/{password}/fw.bin",
        f"{grant.username}/{password}/other.bin",
        f"{grant.username}/{password}/",
        f"{grant.username}",
        f"{grant.username}/{password}/..%2f{other.username}%2fx",
        f"{grant.username}/{password}/.hidden",
    ):
        assert requests.get(f"{web}/{path}", timeout=10).status_code == 404, path
    for method, url in (
        ("PUT", f"{grant.username}/{password}/fw.bin"),
        ("GET", f"{other.username}/{other_password}/x"),
    ):
        assert requests.request(method, f"{web}/{url}", timeout=10).status_code == 405


def test_an_upload_that_is_too_large_is_refused(area: FileArea, web: str) -> None:
    grant, password = area.grant_upload("CP001")
    url = f"{web}/{grant.username}/{password}/log.bin"
    assert requests.put(url, data=os.urandom(200_001), timeout=10).status_code == 413
    parts: Any = (os.urandom(50_000) for _ in range(5))
    assert requests.put(url, data=parts, timeout=10).status_code == 413
    assert area.list().items == []
    assert list(area.folder(grant).iterdir()) == []


@pytest.mark.parametrize("name", ["%1b%5b31mRED", "%7f", "%c2%9b31m", "%0a", "back%5cslash", "%c3%a4" * 101])
def test_a_file_that_cannot_be_listed_is_not_taken(area: FileArea, web: str, name: str) -> None:
    grant, password = area.grant_upload("CP001")
    assert requests.put(f"{web}/{grant.username}/{password}/{name}", data=b"x", timeout=10).status_code == 404
    assert list(area.folder(grant).iterdir()) == []
