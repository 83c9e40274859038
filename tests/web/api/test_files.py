from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.messages import HeartbeatRequest


@pytest.fixture
def settings(settings: config.Settings, tmp_path: Path) -> config.Settings:
    files = settings.files.model_copy(update={"path": tmp_path / "files"})
    server = settings.server.model_copy(update={"public_url": "https://ocpp.example.com"})
    return settings.model_copy(update={"files": files, "server": server})


@pytest.fixture
def uploaded(system: CentralSystem) -> str:
    """A file that CP001 has uploaded."""
    grant, _ = system.files.grant_upload("CP001")
    (system.files.folder(grant) / "log ü.zip").write_bytes(b"diagnostics" * 20_000)
    return system.files.received(grant, "log ü.zip").file_id


def test_an_uploaded_file_is_listed_and_downloaded(api: Any, uploaded: str) -> None:
    found = api.items("/files?charge_box_identity=CP001")
    assert [(file["file_id"], file["name"], file["size"]) for file in found] == [(uploaded, "log ü.zip", 220_000)]
    assert api.get(f"/files/{uploaded}").json == found[0]
    content = api.get(f"/files/{uploaded}/content")
    assert content.data == b"diagnostics" * 20_000
    assert content.headers["Content-Disposition"] == "attachment; filename*=UTF-8''log%20%C3%BC.zip"
    assert api.items("/files?charge_box_identity=CP002") == []


def test_a_file_is_deleted(api: Any, uploaded: str) -> None:
    assert api.as_("read").delete(f"/files/{uploaded}").status_code == 403
    assert api.delete(f"/files/{uploaded}").status_code == 204
    for path in (f"/files/{uploaded}", f"/files/{uploaded}/content", "/files/..%2f..%2fstore.sqlite/content"):
        assert api.get(path).status_code == 404
    assert api.delete(f"/files/{uploaded}").status_code == 404


@pytest.mark.parametrize("over", ["http", "ftp"])
def test_diagnostics_are_asked_for_and_nobody_but_the_station_learns_the_password(
    api: Any, send: Any, system: CentralSystem, over: str
) -> None:
    send(HeartbeatRequest())
    body = {"charge_box_identity": "CP001", "over": over, "deliver": "on_next_contact"}
    made = api.post("/files/diagnostics", json=body)
    assert (made.status_code, made.json["action"]) == (202, "GetDiagnostics")
    stored = system.command_queue.get(made.json["command_id"])
    assert stored is not None
    secret = stored.payload["location"].removesuffix("/").split("/" if over == "http" else ":")[-1].split("@")[0]
    if over == "ftp":
        secret = stored.payload["location"].split(":")[2].split("@")[0]
    assert len(secret) == 32
    for text in (made.text, api.get("/commands").text, api.get("/audit").text, api.get("/events").text):
        assert secret not in text
    assert "…" in made.json["payload"]["location"]


def test_firmware_is_offered(api: Any, send: Any, system: CentralSystem, tmp_path: Path) -> None:
    send(HeartbeatRequest())
    (tmp_path / "fw-2.bin").write_bytes(b"x" * 10)
    system.files.add_firmware(tmp_path / "fw-2.bin")
    assert api.get("/firmware").json["items"] == [{"name": "fw-2.bin", "size": 10}]
    body = {"charge_box_identity": "CP001", "name": "fw-2.bin", "retrieve_date": "2030-01-01T00:00:00Z"}
    made = api.post("/files/firmware-update", json={**body, "over": "http", "deliver": "on_next_contact"})
    assert (made.status_code, made.json["payload"]["retrieve_date"]) == (202, "2030-01-01T00:00:00Z")
    assert api.post("/files/firmware-update", json={**body, "name": "other"}).status_code == 404
    assert api.post("/files/firmware-update", json={**body, "name": "../x"}).status_code == 422
    assert api.post("/files/diagnostics", json={"charge_box_identity": "nobody"}).status_code == 404
