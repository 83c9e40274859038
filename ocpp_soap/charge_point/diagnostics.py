"""GetDiagnostics: one gzip file of the station's log, uploaded with retries (15 §5.7, §8.5; notes 7.25, 7.26)."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ocpp_soap.charge_point.transfer import TransferFailed, attempts_of, retry_interval_of
from ocpp_soap.messages import DiagnosticsStatus, DiagnosticsStatusNotificationRequest, GetDiagnosticsRequest

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station


class Diagnostics:
    """Uploads of one station."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._files: set[Path] = set()

    def stop(self) -> None:
        """The station is switched off: what waits for a further attempt is thrown away."""
        for file in list(self._files):
            self._remove(file)

    def request(self, request: GetDiagnosticsRequest) -> str | None:
        """The name of the file that will be uploaded; None: the log holds nothing of that time, or there is no room."""
        lines = self._lines(request.start_time, request.stop_time)
        if not lines:
            return None
        station = self._station
        identity = re.sub(r"[^A-Za-z0-9_.-]", "_", station.charge_box_identity)[:100]
        name = f"diagnostics_{identity}_{station.now():%Y%m%dT%H%M%S%fZ}.log.gz"
        try:
            file = _written(name, lines)
        except OSError as error:
            station.note(f"there is no place for diagnostics: {error}")
            return None
        self._files.add(file)
        station.after_the_answer(lambda: self._try(file, request, attempts_of(request)))
        return name

    def _lines(self, start: datetime | None, stop: datetime | None) -> list[str]:
        entries = self._station.log
        return [
            f"{time:%Y-%m-%dT%H:%M:%S.%fZ} {text}"
            for time, text in entries
            if (start is None or time >= start) and (stop is None or time <= stop)
        ]

    def _try(self, file: Path, request: GetDiagnosticsRequest, attempts: int) -> None:
        self._station.schedule.transfer(lambda: self._upload(file, request, attempts - 1))

    def _upload(self, file: Path, request: GetDiagnosticsRequest, attempts_left: int) -> None:
        station = self._station
        if file not in self._files:
            return
        try:
            station.transfers.upload(file, request.location, file.name)
        except TransferFailed as error:
            station.note(f"diagnostics upload failed: {error}")
            if attempts_left > 0:
                station.after(retry_interval_of(request), lambda: self._try(file, request, attempts_left))
                return
            status = DiagnosticsStatus.UPLOAD_FAILED
        else:
            status = DiagnosticsStatus.UPLOADED
        with station.lock:
            self._remove(file)
            station.outbox.put(DiagnosticsStatusNotificationRequest(status=status))

    def _remove(self, file: Path) -> None:
        self._files.discard(file)
        shutil.rmtree(file.parent, ignore_errors=True)


def _written(name: str, lines: list[str]) -> Path:
    """The file with these lines, in a folder of its own. Raises OSError, and leaves nothing then."""
    folder = Path(tempfile.mkdtemp(prefix="ocpp-soap-"))
    try:
        (folder / name).write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / name
