"""GetDiagnostics and UpdateFirmware by the built-in file area: each command with credentials of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from ocpp_soap.central_system.command_queue.queue import CommandQueue
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.record import Grant
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Choice

HTTP_PATH = "/files"


class Protocol(Choice):
    """How a file is moved. The specification demands FTP and FTPS (12/15 §8.4, §8.5); HTTP is an extension."""

    FTP = "ftp"
    FTPS = "ftps"
    HTTP = "http"


class FileTransfers:
    """Makes the commands. ``ports`` are those of FTP and of implicit FTPS (0: explicit FTPS on the port of FTP).

    ``public_url`` and ``public_host`` are how stations reach this system by HTTP and by FTP.
    """

    def __init__(
        self, area: FileArea, queue: CommandQueue, *, public_url: str, public_host: str, ports: tuple[int, int]
    ) -> None:
        self._area = area
        self._queue = queue
        self._public_url = public_url.rstrip("/")
        self._public_host = public_host or (urlsplit(public_url).hostname or "")
        self._ftp_port, self._ftps_port = ports

    def get_diagnostics(
        self,
        charge_box_identity: str,
        *,
        over: Protocol = Protocol.FTP,
        start_time: datetime | None = None,
        stop_time: datetime | None = None,
        **how: Any,
    ) -> Command:
        """Have a station upload its diagnostics (12 §5.4, 15 §5.7); they are listed when they have arrived.

        ``how`` may hold ``by``, ``deliver``, ``deadline``, ``max_attempts`` and ``timeout`` of the command. Raises
        NotFound for a station that is not known, ConfigurationError if how it reaches us is not configured.
        """
        with self._granted(self._area.grant_upload(charge_box_identity)) as (grant, password):
            payload: dict[str, Any] = {
                "location": self._location(grant, password, over),
                "start_time": start_time,
                "stop_time": stop_time,
            }
            return self._create("GetDiagnostics", payload, grant, how)

    def update_firmware(
        self,
        charge_box_identity: str,
        firmware: str,
        retrieve_date: datetime,
        *,
        over: Protocol = Protocol.FTP,
        **how: Any,
    ) -> Command:
        """Have a station fetch a firmware file from ``retrieve_date`` on (12 §5.9, 15 §5.15).

        The credentials are valid for ``files.lifetime`` from then on. Raises as above, and ValueError for what is no
        name of a file or a time too far ahead.
        """
        with self._granted(self._area.grant_download(charge_box_identity, firmware, retrieve_date)) as (
            grant,
            password,
        ):
            location = self._location(grant, password, over)
            payload = {"location": f"{location.rstrip('/')}/{quote(firmware)}", "retrieve_date": retrieve_date}
            return self._create("UpdateFirmware", payload, grant, how)

    @contextmanager
    def _granted(self, right: tuple[Grant, str]) -> Iterator[tuple[Grant, str]]:
        """A right and its password; it ends if no command is made for it."""
        try:
            yield right
        except BaseException:
            self._area.end(right[0])
            raise

    def _create(self, action: str, payload: dict[str, Any], grant: Grant, how: dict[str, Any]) -> Command:
        how["deadline"] = min(how.get("deadline") or grant.expires_at, grant.expires_at)
        (command,) = self._queue.create(action, payload, [grant.charge_box_identity], **how)
        self._area.assign(grant, command.command_id)
        return command

    def _location(self, grant: Grant, password: str, over: Protocol) -> str:
        if over is Protocol.HTTP:
            if not self._public_url:
                raise ConfigurationError("server.public_url: is not set; without it no station can be told a URL")
            return f"{self._public_url}{HTTP_PATH}/{grant.username}/{password}"
        if not self._public_host:
            raise ConfigurationError("ftp.public_host: is not set; expected the name or address that stations use")
        host = f"[{self._public_host}]" if ":" in self._public_host else self._public_host
        port = self._ftps_port if over is Protocol.FTPS and self._ftps_port else self._ftp_port
        return f"{over}://{grant.username}:{password}@{host}:{port}/"
