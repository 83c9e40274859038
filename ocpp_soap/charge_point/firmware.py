"""UpdateFirmware: download at the retrieve date, install when nobody charges, reboot (15 §5.15, §8.4, notes 7.28)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ocpp_soap.charge_point.scheduler import Timer
from ocpp_soap.charge_point.transfer import TransferFailed, attempts_of, retry_interval_of
from ocpp_soap.messages import (
    BootNotificationRequest,
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
    UpdateFirmwareRequest,
    limit_of,
)

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station


class Firmware:
    """The one update that a station may be busy with; a second UpdateFirmware replaces the first."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._current: UpdateFirmwareRequest | None = None
        self._file: Path | None = None
        self._downloaded = False
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

    def stop(self) -> None:
        """The station is switched off: what was fetched is thrown away, as it will be fetched again."""
        self._cancel_date()
        self._remove_file()

    def transaction_ended(self) -> None:
        """Install what waited for the end of the transactions."""
        if self._downloaded and not self._station.has_transaction:
            self._install()

    def _await_date(self, request: UpdateFirmwareRequest) -> None:
        self._date_timer = self._station.at(request.retrieve_date, lambda: self._begin(request))

    def _begin(self, request: UpdateFirmwareRequest) -> None:
        if self._current is not request or self._date_timer is None:
            return
        self._date_timer = None
        try:
            self._file = Path(tempfile.mkdtemp(prefix="ocpp-soap-")) / "firmware"
        except OSError as error:
            self._given_up(f"there is no place for it: {error}")
            return
        self._try(request, self._file, attempts_of(request))

    def _try(self, request: UpdateFirmwareRequest, file: Path, attempts: int) -> None:
        self._station.schedule.transfer(lambda: self._download(request, file, attempts - 1))

    def _download(self, request: UpdateFirmwareRequest, file: Path, attempts_left: int) -> None:
        station = self._station
        if self._file is not file:
            return
        error: TransferFailed | None = None
        try:
            station.transfers.download(request.location, file)
        except TransferFailed as failure:
            error = failure
        with station.lock:
            if self._file is not file:
                _remove(file)
            elif error is None:
                self._arrived()
            elif attempts_left > 0:
                station.note(f"firmware download failed: {error}")
                station.after(retry_interval_of(request), lambda: self._try(request, file, attempts_left))
            else:
                self._given_up(str(error))

    def _given_up(self, reason: str) -> None:
        self._station.note(f"firmware download given up: {reason}")
        self._end(FirmwareStatus.DOWNLOAD_FAILED)

    def _arrived(self) -> None:
        self._notify(FirmwareStatus.DOWNLOADED)
        self._downloaded = True
        self.transaction_ended()

    def _install(self) -> None:
        station, request, file = self._station, self._current, self._file
        if request is None or file is None:
            return
        if not file.is_file() or file.stat().st_size == 0:
            station.note("firmware: the file is empty or gone")
            self._end(FirmwareStatus.INSTALLATION_FAILED)
            return
        station.firmware_version = self._version_of(request.location)
        station.note(f"firmware {station.firmware_version} installed")
        self._end(FirmwareStatus.INSTALLED)
        station.restart()

    def _end(self, status: FirmwareStatus) -> None:
        self._notify(status)
        self._remove_file()
        self._current = None
        self._station.save_state()

    def _version_of(self, location: str) -> str:
        name = PurePosixPath(unquote(urlsplit(location).path)).stem
        printable = "".join(character for character in name if character.isprintable())
        return (printable or "unnamed")[: limit_of(BootNotificationRequest, "firmware_version", self._station.version)]

    def _notify(self, status: FirmwareStatus) -> None:
        self._station.outbox.put(FirmwareStatusNotificationRequest(status=status))

    def _discard(self) -> None:
        self._current = None
        self._cancel_date()
        self._remove_file()

    def _cancel_date(self) -> None:
        if self._date_timer is not None:
            self._date_timer.cancel()
            self._date_timer = None

    def _remove_file(self) -> None:
        if self._file is not None:
            _remove(self._file)
        self._file, self._downloaded = None, False


def _remove(file: Path) -> None:
    shutil.rmtree(file.parent, ignore_errors=True)
