"""``ocpp-soap serve`` as a process of its own: it starts quickly, ends in time, and keeps its workers alive."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import click
import pytest
from ports import free_port

import ocpp_soap
from ocpp_soap import config
from ocpp_soap.cli import workers
from ocpp_soap.cli.serve import _announce, command

ROOT = Path(ocpp_soap.__file__).resolve().parent.parent
TLS = Path(__file__).parent.parent / "data" / "tls"
START = (
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header>'
    "<c:chargeBoxIdentity>CP1</c:chargeBoxIdentity></S:Header><S:Body><c:startTransactionRequest>"
    "<c:connectorId>1</c:connectorId><c:idTag>A</c:idTag><c:timestamp>2026-01-05T12:00:00Z</c:timestamp>"
    "<c:meterStart>{}</c:meterStart></c:startTransactionRequest></S:Body></S:Envelope>"
)
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
"""How a client begins to speak HTTP/2 without asking: the preface and empty SETTINGS."""
STALLED_REQUEST = (
    b"POST /Ocpp/CentralSystemService HTTP/1.1\r\nHost: x\r\nContent-Type: application/soap+xml\r\n"
    b"Content-Length: 1000\r\n\r\n<begun"
)


class Served:
    """A running ``serve``; ``said`` is what it printed."""

    def __init__(self, folder: Path, *arguments: str, workers: int = 1, scheme: str = "http") -> None:
        self.port = free_port()
        self._url = f"{scheme}://127.0.0.1"
        self._context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
        self._context.load_cert_chain(TLS / "client.pem")
        self.config = folder / "serve.yaml"
        self.config.write_text(
            f"server: {{host: 127.0.0.1, port: {self.port}, workers: {workers}}}\n"
            f"storage: {{file: {{path: {folder / 'serve.sqlite'}}}}}\n"
        )
        self._log = folder / "serve.log"
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "ocpp_soap", "--config", str(self.config), "serve", *arguments]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    @property
    def said(self) -> str:
        return self._log.read_text("utf-8")

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers that are running: the children but the first, which looks after the store."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in children.split()][1:]

    def post(self, envelope: str) -> int:
        """The HTTP status of the answer to an envelope."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", "/Ocpp/CentralSystemService", envelope.encode())
            return connection.getresponse().status

    @property
    def session(self) -> list[int]:
        """The process ids of all that it started and that are running, whoever their parent is now."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, _, session = status.read_text().rpartition(") ")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found.append(int(status.parent.name))
        return found

    def answers(self) -> bool:
        try:
            with urlopen(f"{self._url}:{self.port}/healthz", timeout=1, context=self._context) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


def eventually(condition: Callable[[], bool], seconds: float = 15) -> float:
    """Wait for a condition; the seconds that it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.02)
    return time.monotonic() - started


def is_over(served: Served) -> bool:
    return not served.session


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def start(*arguments: str, **options: Any) -> Served:
        served = Served(tmp_path, *arguments, **options)
        running.append(served)
        eventually(lambda: served.answers() or served.process.poll() is not None)
        assert served.process.poll() is None, served.said
        return served

    yield start
    for served in running:
        served.process.kill()
        served.process.wait(timeout=10)
        eventually(partial(is_over, served))


def test_it_prints_the_url_to_configure_and_commands_that_carry_the_configuration(serve: Any) -> None:
    served = serve()
    assert f"http://127.0.0.1:{served.port}/Ocpp/CentralSystemService\n" in served.said
    assert f"--config {served.config} simulate --central" in served.said


def test_the_commands_can_be_copied_whatever_the_file_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/o p/ocpp-soap"])
    context = click.Context(command, obj=Path("my conf.yaml"))
    _announce(context, config.load(None, {"OCPP_SOAP__SERVER__HOST": "127.0.0.1"}))
    shown = next(line for line in capsys.readouterr().err.splitlines() if line.endswith("tags add TAG1"))
    assert shlex.split(shown) == ["/opt/o p/ocpp-soap", "--config", "my conf.yaml", "tags", "add", "TAG1"]


def test_with_json_every_line_that_it_prints_is_an_object(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCPP_SOAP__LOG__FORMAT", "json")
    served = serve()
    served.end()
    events = [json.loads(line) for line in served.said.splitlines()]
    assert events[0]["url"] == f"http://127.0.0.1:{served.port}/Ocpp/CentralSystemService"
    assert all("timestamp" in event for event in events)


def test_it_ends_in_order_on_sigterm(serve: Any) -> None:
    served = serve()
    assert served.end() == 0
    assert served.session == []


def test_ctrl_c_in_its_terminal_ends_it_in_order(serve: Any) -> None:
    served = serve()
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.process.wait(10) == 0
    assert "refused to gracefully stop" not in served.said
    assert served.session == []


def test_it_ends_within_five_seconds_beside_clients_that_stall(serve: Any) -> None:
    served = serve()
    clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(20)]
    for client in clients:
        client.sendall(STALLED_REQUEST)
    time.sleep(0.3)
    started = time.monotonic()
    served.end()
    assert time.monotonic() - started < 5
    for client in clients:
        client.close()


def test_after_a_crowd_it_answers_beside_clients_that_stall_and_ends_in_order(serve: Any) -> None:
    served = serve()
    until = time.monotonic() + 1

    def ask(_: int) -> int:
        connection = HTTPConnection("127.0.0.1", served.port, timeout=10)
        number = 0
        while time.monotonic() < until:
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            number += 1
        connection.close()
        return number

    with ThreadPoolExecutor(12) as crowd:
        assert min(crowd.map(ask, range(12))) > 1
    clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(20)]
    for client in clients:
        client.sendall(STALLED_REQUEST)
        assert served.answers()
    started = time.monotonic()
    assert served.end() == 0
    assert time.monotonic() - started < 5
    for client in clients:
        client.close()


def replaced(served: Served, before: list[int]) -> bool:
    return len(set(served.workers) - set(before)) == len(before) and served.answers()


def test_a_worker_that_died_comes_back_however_often(serve: Any) -> None:
    served = serve()
    for _ in range(3):
        before = served.workers
        os.kill(before[0], signal.SIGKILL)
        eventually(partial(replaced, served, before))
    assert served.process.poll() is None


def test_two_workers_that_died_at_once_come_back(serve: Any) -> None:
    served = serve(workers=2)
    before = served.workers
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    eventually(partial(replaced, served, before))


def commits(served: Served) -> int:
    """The process id of who commits for the workers; 0 while nobody does."""
    with socket.socket(socket.AF_UNIX) as asking, contextlib.suppress(OSError):
        asking.connect(str(served.config.parent / "serve.sqlite-log" / "commits"))
        return int(struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
    return 0


def test_who_looks_after_the_store_comes_back_when_it_dies_and_ends_with_the_rest(serve: Any) -> None:
    served = serve()
    for number in range(2):
        eventually(lambda: commits(served) > 0)
        assert served.post(START.format(number)) == 200, (
            "the worker has telemetry, which it folds while nobody else does"
        )
        before = commits(served)
        os.kill(before, signal.SIGKILL)
        eventually(partial(lambda before: commits(served) not in (0, before), before))
    assert served.end() == 0
    eventually(partial(is_over, served))


def test_who_looks_after_the_store_comes_back_when_it_could_not(serve: Any) -> None:
    served = serve()
    assert served.post(START.format(1)) == 200
    folder = served.config.parent / "serve.sqlite-log"
    eventually(lambda: commits(served) > 0)
    before = commits(served)
    folder.rename(folder.with_name("away"))
    folder.write_text("in the way")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: "cannot be looked after" in served.said)
    folder.unlink()
    folder.with_name("away").rename(folder)
    eventually(lambda: commits(served) not in (0, before))


@pytest.fixture
def two_cores() -> Iterator[set[int]]:
    """The cores that this process and what it starts may use meanwhile."""
    all_cores = os.sched_getaffinity(0)
    if len(all_cores) < 2:
        pytest.skip("there is one core only")
    os.sched_setaffinity(0, sorted(all_cores)[:2])
    yield os.sched_getaffinity(0)
    os.sched_setaffinity(0, all_cores)


def cores(served: Served) -> list[set[int]]:
    """Those that each worker may use."""
    return sorted((os.sched_getaffinity(worker) for worker in served.workers), key=sorted)


def test_each_worker_is_kept_to_a_core_of_its_own(serve: Any, two_cores: set[int]) -> None:
    served = serve(workers=2)
    eventually(lambda: cores(served) == [{core} for core in sorted(two_cores)])
    eventually(lambda: commits(served) > 0)
    assert os.sched_getaffinity(commits(served)) == two_cores


@pytest.mark.parametrize(("workers", "pinned"), [(3, "true"), (1, "true"), (2, "false")])
def test_workers_are_kept_to_none_if_they_are_not_as_many_as_cores_or_if_told_so(
    serve: Any, two_cores: set[int], monkeypatch: pytest.MonkeyPatch, workers: int, pinned: str
) -> None:
    monkeypatch.setenv("OCPP_SOAP__SERVER__PIN_WORKERS", pinned)
    served = serve(workers=workers)
    assert cores(served) == [two_cores] * workers


def test_a_system_that_lets_nobody_change_how_it_schedules_is_served_on_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def not_permitted(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", not_permitted)
    monkeypatch.setattr(os, "sched_setscheduler", not_permitted)
    workers._let_threads_finish()
    workers._keep_to_one_core(0, workers=2)


def test_the_workers_end_when_their_parent_is_killed(serve: Any) -> None:
    served = serve()
    served.process.kill()
    served.process.wait(timeout=5)
    eventually(partial(is_over, served))


def test_workers_that_are_just_starting_end_with_their_parent_too(serve: Any) -> None:
    served = serve(workers=2)
    before = served.workers
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    eventually(lambda: bool(set(served.workers) - set(before)))
    served.process.kill()
    served.process.wait(timeout=5)
    eventually(partial(is_over, served))


def test_options_beat_the_file(serve: Any, tmp_path: Path) -> None:
    other = free_port()
    served = Served(tmp_path, "--port", str(other))
    try:
        served.port = other
        eventually(served.answers)
    finally:
        served.end()
    assert served.session == []


def start_that_fails(tmp_path: Path, settings: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "wrong.yaml"
    file.write_text(settings)
    command = [sys.executable, "-m", "ocpp_soap", "--config", str(file), "serve", "--port", str(free_port())]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_handler_that_cannot_be_loaded_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine" / "central_system").mkdir(parents=True)
    (tmp_path / "mine" / "central_system" / "autorize.py").write_text("")
    done = start_that_fails(tmp_path, f"handlers: {{paths: [{tmp_path / 'mine'}]}}\nserver: {{host: 127.0.0.1}}")
    assert done.returncode == 3
    assert "autorize.py: matches no action" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_be_opened_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = f"storage: {{file: {{path: {tmp_path / 'file' / 'x.sqlite'}}}}}\nserver: {{host: 127.0.0.1}}"
    done = start_that_fails(tmp_path, settings)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


def test_a_name_can_be_listened_on(serve: Any) -> None:
    served = serve("--host", "localhost")
    assert f"http://localhost:{served.port}/Ocpp/CentralSystemService" in served.said


@pytest.mark.parametrize("host", ["no host", "a..b"])
def test_a_host_that_is_none_ends_the_start_with_one_sentence(tmp_path: Path, host: str) -> None:
    done = start_that_fails(tmp_path, f"server: {{host: '{host}'}}\nstorage: {{file: {{path: {tmp_path / 'x'}}}}}")
    assert done.returncode == 3
    assert f"server.host {host}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = tmp_path / "x.yaml"
        file.write_text(f"server: {{host: 127.0.0.1, port: {port}}}\nstorage: {{file: {{path: {tmp_path / 'x'}}}}}")
        command = [sys.executable, "-m", "ocpp_soap", "--config", str(file), "serve"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 3
    assert f"server.port {port}: cannot be listened on" in done.stderr


def test_a_check_says_whether_the_address_is_free_and_starts_nothing(cli: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        taken = cli("serve", "--check", "--host", "127.0.0.1", "--port", port)
    assert taken.exit_code == 3
    assert f"server.port {port}: cannot be listened on" in taken.stderr
    assert cli("serve", "--check", "--host", "127.0.0.1", "--port", str(free_port())).exit_code == 0


@pytest.mark.parametrize("misspelt", ["central_sytem", "hooks/wakeup.py"])
def test_a_check_names_handlers_that_would_end_the_start(cli: Any, tmp_path: Path, misspelt: str) -> None:
    (tmp_path / "mine" / misspelt).mkdir(parents=True)
    with cli.config_file.open("a") as file:
        file.write(f"handlers: {{paths: [{tmp_path / 'mine'}]}}\n")
    done = cli("serve", "--check", "--host", "127.0.0.1", "--port", str(free_port()))
    assert done.exit_code == 3
    assert misspelt in done.stderr
    assert not (tmp_path / "store.sqlite").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_a_second_make_run_leaves_the_key_of_the_first_alone(cli: Any) -> None:
    key = cli.json("keys", "add", "make-run")["key"]
    program = f"{sys.executable} -m ocpp_soap --config {cli.config_file}"
    with socket.create_server(("127.0.0.1", 0)) as first:
        cli.config_file.write_text(
            cli.config_file.read_text() + f"server: {{host: 127.0.0.1, port: {first.getsockname()[1]}}}\n"
        )
        command = ["make", "--old-file=.venv/installed", "run", f"OCPP_SOAP={program}"]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode != 0
    assert "cannot be listened on" in second.stderr
    assert cli.json("keys", "list") == [key]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_run_names_the_port_that_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCPP_SOAP__SERVER__PORT", "9223")
    bin_folder = Path(sys.executable).parent
    command = ["make", "--old-file=.venv/installed", "run", f"BIN={bin_folder}", "OCPP_SOAP=echo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "http://127.0.0.1:9223/api/v1/stations" in done.stdout


def test_with_a_certificate_it_speaks_tls_and_can_require_one_of_its_clients(serve: Any, monkeypatch: Any) -> None:
    for name, file in (("CERTIFICATE", "server.pem"), ("KEY", "server.pem"), ("CLIENT_CA", "ca.pem")):
        monkeypatch.setenv(f"OCPP_SOAP__SERVER__TLS_{name}", str(TLS / file))
    served = serve(scheme="https")
    assert f"https://127.0.0.1:{served.port}/Ocpp/CentralSystemService" in served.said
    without_certificate = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        urlopen(f"https://127.0.0.1:{served.port}/healthz", timeout=5, context=without_certificate)


def test_http_2_is_not_spoken_so_that_the_head_of_a_request_is_bounded(serve: Any) -> None:
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as client:
        client.sendall(HTTP_2)
        assert client.recv(9) == b"", "frames of HTTP/2 would come"
    connection = HTTPConnection("127.0.0.1", served.port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/healthz", headers={"X": "a" * 60_000})
        assert connection.getresponse().status == 431


def test_http_2_is_not_offered_with_tls(serve: Any, monkeypatch: Any) -> None:
    for name in ("CERTIFICATE", "KEY"):
        monkeypatch.setenv(f"OCPP_SOAP__SERVER__TLS_{name}", str(TLS / "server.pem"))
    served = serve(scheme="https")
    context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        assert client.selected_alpn_protocol() != "h2"


def test_files_of_tls_that_cannot_be_used_end_the_start_with_a_sentence_for_each(tmp_path: Path) -> None:
    server = (
        f"tls_certificate: {TLS / 'server.pem'}, tls_key: {TLS / 'client.pem'}, tls_client_ca: {tmp_path / 'no.pem'}"
    )
    done = start_that_fails(
        tmp_path, f"server: {{host: 127.0.0.1, {server}}}\nstorage: {{file: {{path: {tmp_path / 'x'}}}}}"
    )
    assert done.returncode == 3
    assert "server.tls_key: " in done.stderr
    assert "server.tls_client_ca: " in done.stderr
    assert len(done.stderr.splitlines()) == 2


def certificate_of(served: Served) -> str:
    return ssl.get_server_certificate(("127.0.0.1", served.port), timeout=5)


def test_a_renewed_certificate_is_taken_with_sighup_and_a_broken_one_is_not(
    serve: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    pair = tmp_path / "pair.pem"
    pair.write_bytes((TLS / "server.pem").read_bytes())
    for name in ("CERTIFICATE", "KEY"):
        monkeypatch.setenv(f"OCPP_SOAP__SERVER__TLS_{name}", str(pair))
    served = serve(scheme="https")
    first, workers = certificate_of(served), served.workers
    pair.write_bytes((TLS / "client.pem").read_bytes())
    served.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(served.workers) == 1 and served.workers != workers and certificate_of(served) != first)
    second, workers = certificate_of(served), served.workers
    pair.write_text("half of a file")
    served.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the workers are not replaced" in served.said)
    assert certificate_of(served) == second
    assert served.workers == workers
    assert served.end() == 0
