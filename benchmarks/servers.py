"""The servers under load: each is started on a free port, watched through /proc, and ended by its own process group."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATH = "/Ocpp/CentralSystemService"
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A program that listens on ``port``; ``extra`` are processes that work for it and are counted with it."""

    name: str
    command: list[str]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    extra: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the requests go."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    def start(self, log: Path) -> None:
        """Start it and wait until it answers."""
        with log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603
                self.command,
                cwd=ROOT,
                env=os.environ | self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} does not start; see {log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it and everything it started."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(5)

    def cpu_seconds(self) -> float:
        """Processor time used so far by the server's processes."""
        return sum(usage(pid)[0] for pid in self._pids())

    def rss(self) -> int:
        """Bytes of memory resident in the server's processes."""
        return sum(usage(pid)[1] for pid in self._pids())

    def _pids(self) -> list[int]:
        if self.process is None:
            return []
        return [*_with_children(self.process.pid), *self.extra]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=1):  # noqa: S310
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def plain(name: str, module: str, *options: str, **environment: str) -> Server:
    """A WSGI application of this folder under granian with two workers, and its own ``options``."""
    port = free_port()
    options = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--no-ws", *options)
    return Server(name, [sys.executable, "-m", "granian", *options, f"{module}:application"], port, environment)


def ours(name: str, folder: Path, storage: dict[str, str], extra: tuple[int, ...] = ()) -> Server:
    """This system as ``ocpp-soap serve`` runs it, with two workers; ``storage`` are settings of that section."""
    port = free_port()
    environment = {
        "OCPP_SOAP__SERVER__HOST": "127.0.0.1",
        "OCPP_SOAP__SERVER__PORT": str(port),
        "OCPP_SOAP__SERVER__WORKERS": "2",
        "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept",
        "OCPP_SOAP__STORAGE__FILE__PATH": str(folder / "bench.sqlite"),
        "OCPP_SOAP__LOG__LEVEL": "warning",
    } | {f"OCPP_SOAP__STORAGE__{key.upper()}": value for key, value in storage.items()}
    return Server(name, [sys.executable, "-m", "ocpp_soap", "serve"], port, environment, extra)


def _with_children(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _with_children(int(child))
    return found


def usage(pid: int) -> tuple[float, int]:
    """Seconds of processor time that a process has used, and the bytes of memory that it has now."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0
    return (int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE


def wrk() -> str:
    """The load generator. Exits, saying where it comes from, if there is none."""
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("make bench needs wrk: apt-get install wrk, or brew install wrk")
    return found
