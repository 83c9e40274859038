"""Diagnostics that stations uploaded, and firmware that they can be given, by the built-in file area."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.files.record import StoredFile
from ocpp_soap.central_system.files.transfers import Protocol
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.web.api.commands import CommandModel, command_model
from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Time

blueprint = APIBlueprint("files", __name__, url_prefix="/api/v1", tag="Files")

PIECE = 65_536
Over = Literal["ftp", "ftps", "http"]


class FileModel(Record):
    """A file that a station uploaded."""

    file_id: str
    charge_box_identity: str
    name: str
    size: int = Field(description="Bytes.")
    sha256: str
    received_at: datetime
    command_id: int | None = Field(description="The command that asked for it.")


class FilePage(BaseModel):
    """Some files."""

    items: list[FileModel]
    next: Next


class FileQuery(ListQuery):
    """Which files."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    sort: Literal["received_at", "-received_at"] = Field(default="received_at", description="-: the latest first.")


class FirmwareModel(BaseModel):
    """A firmware file that stations can be given. `ocpp-soap files add-firmware` adds one."""

    name: str
    size: int = Field(description="Bytes.")


class FirmwareList(BaseModel):
    """The firmware files."""

    items: list[FirmwareModel]


class DiagnosticsRequest(BaseModel):
    """Which station is to upload its diagnostics."""

    model_config = ConfigDict(extra="forbid")

    charge_box_identity: str = Field(min_length=1, max_length=100)
    over: Over = "ftp"
    start_time: Time | None = None
    stop_time: Time | None = None
    deliver: Literal["now", "on_next_contact"] = "now"


class FirmwareRequest(BaseModel):
    """Which station is to fetch which firmware from when on."""

    model_config = ConfigDict(extra="forbid")

    charge_box_identity: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    retrieve_date: Time
    over: Over = "ftp"
    deliver: Literal["now", "on_next_contact"] = "now"


ASKS = {
    404: "There is no such station or firmware.",
    409: "How stations reach this system is not configured, or the firmware cannot be read.",
}


@blueprint.get("/files")
@blueprint.input(FileQuery, location="query")
@blueprint.output(FilePage)
def list_files(query_data: FileQuery) -> Response:
    """List the uploaded files in the order of arrival."""

    def find(**page: Any) -> Any:
        identity, descending = query_data.charge_box_identity, query_data.sort.startswith("-")
        return system().files.list(charge_box_identity=identity, descending=descending, **page)

    return answer(FileModel, query_data, find)


@blueprint.get("/files/<file_id>")
@blueprint.output(FileModel)
@blueprint.doc(responses={404: "There is no such file."})
def get_file(file_id: str) -> FileModel:
    """Read what is known of a file."""
    return FileModel.model_validate(_known(file_id))


@blueprint.get("/files/<file_id>/content")
@blueprint.output(FileSchema(type="string", format="binary"), content_type="application/octet-stream")
@blueprint.doc(responses={404: "There is no such file."})
def get_file_content(file_id: str) -> Response:
    """Download a file."""
    file = _known(file_id)
    path = system().files.path_of(file)
    if not path.is_file():
        raise Problem(404, f"The file {file_id} is not on the disk any more.")
    headers = {
        "Content-Length": str(path.stat().st_size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(_pieces(path), headers=headers, content_type="application/octet-stream")


@blueprint.delete("/files/<file_id>")
@blueprint.doc(responses={204: "It is gone.", 404: "There is no such file."})
def delete_file(file_id: str) -> Response:
    """Delete an uploaded file."""
    if not system().files.remove(file_id):
        raise Problem(404, f"There is no file {file_id}.")
    return Response(status=204)


@blueprint.get("/firmware")
@blueprint.output(FirmwareList)
def list_firmware() -> FirmwareList:
    """List the firmware files that stations can be given."""
    files = [FirmwareModel(name=path.name, size=path.stat().st_size) for path in system().files.firmware()]
    return FirmwareList(items=files)


@blueprint.post("/files/diagnostics")
@blueprint.input(DiagnosticsRequest)
@blueprint.output(CommandModel, 202)
@blueprint.doc(responses=ASKS)
def request_diagnostics(json_data: DiagnosticsRequest) -> CommandModel:
    """Have a station upload its diagnostics here; the file is listed when it has arrived."""
    found(system().stations.get(json_data.charge_box_identity), f"station {json_data.charge_box_identity}")
    return _create(system().file_transfers.get_diagnostics, json_data.charge_box_identity, json_data)


@blueprint.post("/files/firmware-update")
@blueprint.input(FirmwareRequest)
@blueprint.output(CommandModel, 202)
@blueprint.doc(responses=ASKS)
def request_firmware_update(json_data: FirmwareRequest) -> CommandModel:
    """Have a station fetch a firmware file from here."""
    found(system().stations.get(json_data.charge_box_identity), f"station {json_data.charge_box_identity}")
    return _create(
        system().file_transfers.update_firmware,
        json_data.charge_box_identity,
        json_data,
        firmware=json_data.name,
        retrieve_date=json_data.retrieve_date,
    )


def _create(make: Any, charge_box_identity: str, asked: Any, **values: Any) -> CommandModel:
    more = asked.model_dump(include={"start_time", "stop_time", "deliver"})
    try:
        command = make(charge_box_identity, over=Protocol(asked.over), by=key().actor, **values, **more)
    except ConfigurationError as error:
        raise Problem(409, str(error)) from error
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return command_model(command)


def _known(file_id: str) -> StoredFile:
    return found(system().files.get(file_id), f"file {file_id}")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while piece := content.read(PIECE):
            yield piece
