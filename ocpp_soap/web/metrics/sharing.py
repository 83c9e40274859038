"""What the workers have counted, each in a file of its own in one folder.

A worker writes its file once a second, whole, and another takes its place; so a worker killed with ``kill -9`` takes
at most its last second with it. The files of workers that ended are added up in one file, so that no counter ever
goes back.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from ocpp_soap.central_system.periodic import Periodic
from ocpp_soap.config import Settings
from ocpp_soap.storage.private_files import make_folder
from ocpp_soap.web.metrics.counting import Counting, Series, total

DELAY = 1.0
ENDED = "ended.json"

_log = structlog.get_logger("ocpp_soap.web")


def shared_folder(settings: Settings) -> Path:
    """The folder of the workers that serve one store at one port; in ``metrics.folder`` if that is set."""
    if settings.metrics.folder:
        return Path(settings.metrics.folder)
    served = json.dumps([settings.storage.model_dump(mode="json"), settings.server.host, settings.server.port])
    name = f"ocpp-soap-{os.geteuid()}-{hashlib.sha256(served.encode()).hexdigest()[:12]}"
    try:
        temporary = tempfile.gettempdir()
    except FileNotFoundError:  # no folder of these takes files: why not is told when ours cannot be made
        temporary = "/tmp"  # noqa: S108
    return Path(temporary) / name


class Sharing:
    """The files of all workers; ``counting`` is what this one counts."""

    def __init__(self, folder: Path, counting: Counting) -> None:
        self.folder = folder
        self._counting = counting
        self._file = folder / f"{os.getpid()}-{_started_at(os.getpid())}.json"
        self._is_shared = _make(folder)
        self._writing = Periodic("metrics", DELAY, self._write)
        if self._is_shared:
            self._gather_ended()
            self._write()

    def begin(self) -> None:
        """Begin to write the file of this worker, once a second."""
        if self._is_shared:
            self._writing.begin()

    def total(self) -> Series:
        """What all workers counted; of the others, up to a second ago."""
        if not self._is_shared:
            return self._counting.series()
        try:
            with self._locked(fcntl.LOCK_SH):
                others = [_read(file) for file in self.folder.glob("*.json") if file != self._file]
        except OSError as error:
            _log.warning("what the other workers counted cannot be read", folder=str(self.folder), error=str(error))
            others = []
        return total([self._counting.series(), *others])

    def workers(self) -> int:
        """How many workers there are, this one included."""
        others = self.folder.glob("*-*.json") if self._is_shared else ()
        return 1 + len([file for file in others if file != self._file and _is_alive(file)])

    def close(self) -> None:
        """Write what was counted last. Calling it again does nothing more."""
        self._writing.end()
        if self._is_shared:
            self._write()

    def _write(self) -> None:
        """Write what was counted, into a new folder where somebody has emptied the one for temporary files."""
        try:
            if _make(self.folder):
                _replace(self._file, self._counting.series())
        except OSError as error:
            _log.warning("what was counted could not be written", file=str(self._file), error=str(error))

    def _gather_ended(self) -> None:
        """Add up the files of workers that ended; those that cannot be are counted where they are."""
        try:
            with self._locked(fcntl.LOCK_EX):
                ended = [file for file in self.folder.glob("*-*.json") if not _is_alive(file)]
                if ended:
                    _replace(self.folder / ENDED, total([_read(self.folder / ENDED), *map(_read, ended)]))
                for file in ended:
                    file.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("what ended workers counted could not be added up", folder=str(self.folder), error=str(error))

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with open(self.folder / "lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, kind)
            yield


def _make(folder: Path) -> bool:
    """Make the folder; it is used only if nobody else can write there."""
    try:
        make_folder(folder)
        status = folder.lstat()
        usable = folder.is_dir() and not folder.is_symlink() and status.st_uid == os.geteuid()
    except OSError as error:
        _log.warning("metrics.folder cannot be used, each worker tells its own figures", error=str(error))
        return False
    if not usable:
        _log.warning("metrics.folder is not ours, each worker tells its own figures", folder=str(folder))
    return usable


def _started_at(process: int) -> str:
    """A number that tells a process from a later one of the same id; 0 where the system does not say."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _is_alive(file: Path) -> bool:
    process, _, started_at = file.stem.partition("-")
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return started_at == _started_at(int(process))


def _replace(file: Path, series: Series) -> None:
    new = file.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps([[metric, labels, values] for (metric, labels), values in series.items()]), "utf-8")
    new.replace(file)


def _read(file: Path) -> Series:
    try:
        entries = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {(metric, tuple(labels)): values for metric, labels, values in entries}
