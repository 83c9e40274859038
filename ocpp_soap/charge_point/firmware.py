"""UpdateFirmware: download at the retrieve date, install when nobody charges, reboot (15 §5.15, §8.4, notes 7.28)."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ocpp_soap.charge_point.scheduler import Timer
from ocpp_soap.charge_point.transfer import TransferFailed
from ocpp_soap.messages import (
    BootNotificationRequest,
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
    UpdateFirmwareRequest,
    limit_of,
)

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station

DEFAULT_ATTEMPTS = 3
DEFAULT_RETRY_INTERVAL = 10


class Firmware:
    """The one update that a station may be busy with; a second UpdateFirmware replaces the first."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._current: UpdateFirmwareRequest | None = None
        self._downloaded: Path | None = None
        self._date_timer: Timer | None = None

    @property
    def pending(self) -> UpdateFirmwareRequest | None:
        """The update that is not installed yet and has not failed."""
        return self._current

    def update(self, request: UpdateFirmwareRequest) -> None:
        """Fetch ``request.location`` as soon as ``retrieve_date`` has come."""
        self._discard()
        self._current = request
        self._await_date(request)
        self._station.save_state()

    def rearm(self) -> None:
        """The clock was set: wait for the retrieve date anew."""
        if self._current is not None and self._date_timer is not None:
            self._date_timer.cancel()
            self._await_date(self._current)

    def transaction_ended(self) -> None:
        """Install what waited for the end of the transactions."""
        if self._downloaded is not None and not self._busy():
            file, self._downloaded = self._downloaded, None
            self._install(file)

    def _await_date(self, request: UpdateFirmwareRequest) -> None:
        self._date_timer = self._station.at(request.retrieve_date, lambda: self._begin(request))

    def _begin(self, request: UpdateFirmwareRequest) -> None:
        if self._current is not request or self._date_timer is None:
            return
        self._date_timer = None
        attempts = max(request.retries if request.retries is not None else DEFAULT_ATTEMPTS, 1)
        self._try(request, Path(tempfile.mkdtemp(prefix="ocpp-soap-")) / "firmware", attempts)

    def _try(self, request: UpdateFirmwareRequest, file: Path, attempts: int) -> None:
        self._station.schedule.transfer(lambda: self._download(request, file, attempts - 1))

    def _download(self, request: UpdateFirmwareRequest, file: Path, attempts_left: int) -> None:
        station = self._station
        if self._current is not request:
            _remove(file)
            return
        error: TransferFailed | None = None
        try:
            station.transfers.download(request.location, file)
        except TransferFailed as failure:
            error = failure
        with station.lock:
            if self._current is not request:
                _remove(file)
            elif error is None:
                self._arrived(file)
            elif attempts_left > 0:
                station.note(f"firmware download failed: {error}")
                interval = request.retry_interval if request.retry_interval is not None else DEFAULT_RETRY_INTERVAL
                station.after(interval, lambda: self._try(request, file, attempts_left))
            else:
                station.note(f"firmware download given up: {error}")
                _remove(file)
                self._end(FirmwareStatus.DOWNLOAD_FAILED)

    def _arrived(self, file: Path) -> None:
        self._notify(FirmwareStatus.DOWNLOADED)
        self._downloaded = file
        self.transaction_ended()

    def _install(self, file: Path) -> None:
        station, request = self._station, self._current
        if request is None:
            return
        usable = file.stat().st_size > 0
        _remove(file)
        if not usable:
            station.note("firmware: the file is empty")
            self._end(FirmwareStatus.INSTALLATION_FAILED)
            return
        station.firmware_version = self._version_of(request.location)
        station.note(f"firmware {station.firmware_version} installed")
        self._end(FirmwareStatus.INSTALLED)
        station.restart()

    def _end(self, status: FirmwareStatus) -> None:
        self._notify(status)
        self._current = None
        self._station.save_state()

    def _version_of(self, location: str) -> str:
        name = PurePosixPath(unquote(urlsplit(location).path)).stem
        printable = "".join(character for character in name if character.isprintable())
        return (printable or "unnamed")[: limit_of(BootNotificationRequest, "firmware_version", self._station.version)]

    def _busy(self) -> bool:
        return any(connector.transaction for connector in self._station.connectors.values())

    def _notify(self, status: FirmwareStatus) -> None:
        self._station.outbox.put(FirmwareStatusNotificationRequest(status=status))

    def _discard(self) -> None:
        self._current = None
        if self._date_timer is not None:
            self._date_timer.cancel()
            self._date_timer = None
        if self._downloaded is not None:
            _remove(self._downloaded)
            self._downloaded = None


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.parent.rmdir()
