"""``openapi.json``: a client can be generated from it, and the running API keeps to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests
from storage_servers import FirestoreEmulator, MongoServer, firestore_command, mongod

from ocpp_soap import config
from ocpp_soap.messages import (
    BootNotificationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    StartTransactionRequest,
    StatusNotificationRequest,
)

IS_FULL = os.environ.get("OCPP_SOAP_SCHEMATHESIS") == "full"
EXTENT = ["--phases", "examples,coverage,fuzzing", "--max-examples", "30"] if IS_FULL else [
    "--phases", "examples,fuzzing", "--max-examples", "4",
]  # fmt: skip
"""The whole of it takes minutes: OCPP_SOAP_SCHEMATHESIS=full."""


@pytest.fixture(params=["file", "mongodb", "firebase"] if IS_FULL else ["file"])
def settings(request: pytest.FixtureRequest, settings: config.Settings, tmp_path: Path) -> Iterator[config.Settings]:
    """The settings with each of the stores that can be had here."""
    if request.param == "file":
        yield settings
        return
    has_server = mongod() if request.param == "mongodb" else firestore_command()
    if not has_server:
        pytest.skip(f"there is no server for {request.param} here")
    server = (
        MongoServer(tmp_path / "db", replica_set=False) if request.param == "mongodb" else FirestoreEmulator(tmp_path)
    )
    environ = {"OCPP_SOAP__STORAGE__BACKEND": request.param, "OCPP_SOAP__METRICS__FOLDER": str(tmp_path / "metrics")}
    if isinstance(server, MongoServer):
        environ["OCPP_SOAP__STORAGE__MONGODB__URL"] = server.url("api")
    else:
        os.environ["FIRESTORE_EMULATOR_HOST"] = server.address
        environ["OCPP_SOAP__STORAGE__FIREBASE__PROJECT_ID"] = "api"
    yield config.load(None, environ)
    os.environ.pop("FIRESTORE_EMULATOR_HOST", None)
    server.stop()


@pytest.fixture
def description(api: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json
    return found


def operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in description["paths"].values() for operation in path.values()]


def test_it_is_openapi_3_1_with_the_key_as_bearer(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    assert description["security"] == [{"key": []}]
    assert description["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_every_operation_has_its_own_name_a_summary_and_its_role(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(description)]
    assert len(names) == len(set(names))
    assert {"list_stations", "put_tag", "create_commands", "list_events"} <= set(names)
    for operation in operations(description):
        assert operation["summary"].endswith(".")
        assert "Role: " in operation["description"]


def test_every_error_is_a_problem_document(description: dict[str, Any]) -> None:
    for operation in operations(description):
        errors = [response for status, response in operation["responses"].items() if int(status) >= 400]
        assert len(errors) >= 3
        for response in errors:
            assert list(response["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in description["components"]["schemas"]


@pytest.mark.parametrize(("path", "id_"), [("stations", "charge_box_identity"), ("tags", "id_tag")])
def test_what_depends_on_a_header_is_described(description: dict[str, Any], path: str, id_: str) -> None:
    item = description["paths"][f"/api/v1/{path}/{{{id_}}}"]
    read = item["get"]
    assert "If-None-Match" in [parameter["name"] for parameter in read["parameters"]]
    assert set(read["responses"]["304"]) == {"description"}
    for operation in item.values():
        for status in {"200", "201"} & operation["responses"].keys():
            assert list(operation["responses"][status]["headers"]) == ["ETag"]


def test_the_stream_of_events_is_described(description: dict[str, Any]) -> None:
    operation = description["paths"]["/api/v1/events"]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["application/json", "text/event-stream"]
    assert "Last-Event-ID" in [parameter["name"] for parameter in operation["parameters"]]


def test_the_content_of_a_file_is_described_as_bytes(description: dict[str, Any]) -> None:
    content = description["paths"]["/api/v1/files/{file_id}/content"]["get"]["responses"]["200"]["content"]
    assert content == {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def test_each_model_is_there_once(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    assert not [name for name in schemas if "." in name]
    assert {"StationModel", "TransactionPage", "Problem"} <= set(schemas)


def test_a_client_is_generated_and_works(
    tmp_path: Path, description: dict[str, Any], server: str, token: str, api: Any
) -> None:
    api.post("/stations", json={"charge_box_identity": "CP001"})
    api.patch("/stations/CP001", json={"set_url": "http://10.0.0.1/"})
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    (tmp_path / "generator.yaml").write_text("post_hooks: []\n")
    generated = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none",
         "--output-path", "fleet_client", "--fail-on-warning", "--config", "generator.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert generated.returncode == 0, generated.stdout + generated.stderr
    script = (
        "from fleet_client import AuthenticatedClient\n"
        "from fleet_client.api.tags import list_tags, put_tag\n"
        "from fleet_client.api.stations import change_station\n"
        "from fleet_client.models import StationChange, TagValues\n"
        f"client = AuthenticatedClient(base_url={server!r}, token={token!r}, raise_on_unexpected_status=True)\n"
        "put_tag.sync_detailed('04A2', client=client, body=TagValues())\n"
        "print([tag.id_tag for tag in list_tags.sync(client=client).items])\n"
        "station = change_station.sync('CP001', client=client, body=StationChange(heartbeat_interval=60))\n"
        "print(station.heartbeat_interval, station.set_url)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == ["['04A2']", "60 http://10.0.0.1/"], ran.stderr


def _no_names(host: str, port: int) -> Any:
    """What is sent to the addresses that schemathesis gives stations and webhooks does not leave this machine."""
    raise socket.gaierror(f"no name server knows {host}:{port} here")


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def token(system: Any) -> str:
    from ocpp_soap.central_system.api_keys import Role

    made: str = system.api_keys.add("tests", Role.ADMIN)[1]
    return made


@pytest.fixture
def server(application: Any) -> Iterator[str]:
    """The application on a port of its own."""
    served: WSGIServer = make_server("127.0.0.1", 0, application, handler_class=_Silent)
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.mark.timeout(1000)
def test_schemathesis_finds_no_5xx_and_nothing_undescribed(
    tmp_path: Path, server: str, token: str, send: Any, noon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.soap.client.sockets._resolve", _no_names)
    send(BootNotificationRequest(charge_point_vendor="ACME", charge_point_model="M1"))
    send(
        StatusNotificationRequest(
            connector_id=1, status=ChargePointStatus.AVAILABLE, error_code=ChargePointErrorCode.NO_ERROR
        )
    )
    send(StartTransactionRequest(connector_id=1, id_tag="T", timestamp=noon, meter_start=0))
    run(tmp_path, server, token, "--exclude-operation-id", "revoke_key")
    run(tmp_path, server, token, "--include-operation-id", "revoke_key")
    answer = requests.get(f"{server}/api/v1/keys", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 200, "the key of the tests was revoked on the way"


def run(folder: Path, server: str, token: str, *options: str) -> None:
    """Let schemathesis ask. It tries ids that it was answered, so what it may revoke it must not have seen before."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", f"{server}/api/v1/openapi.json",
        "--url", server, "--header", f"Authorization: Bearer {token}", "--seed", "1", *EXTENT,
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--max-failures", "5",
        "--request-timeout", "10", "--suppress-health-check", "all", "--no-color", *options,
    ]  # fmt: skip
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=900 if IS_FULL else 110
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-1000:]
