"""``ocpp_soap.wsgi:application``: settings are checked at the import, the store opened in the process that answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

HEARTBEAT = b"""<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns="urn://Ocpp/Cs/2012/06/">
<e:Header><chargeBoxIdentity>CP001</chargeBoxIdentity></e:Header><e:Body><heartbeatRequest/></e:Body></e:Envelope>"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "settings.yaml"
    file.write_text(f"storage: {{file: {{path: {tmp_path / 'store.sqlite'}}}}}\nlog: {{level: warning}}\n")
    return {**os.environ, "OCPP_SOAP_CONFIG": str(file), "HOME": str(tmp_path)}


def python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_importing_it_opens_no_store_and_starts_no_thread(environment: dict[str, str], tmp_path: Path) -> None:
    done = python("import threading, ocpp_soap.wsgi; assert threading.active_count() == 1", environment)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "store.sqlite").exists()


def test_a_wrong_setting_is_told_at_the_import(environment: dict[str, str]) -> None:
    done = python("import ocpp_soap.wsgi", {**environment, "OCPP_SOAP__SERVER__PROT": "1"})
    assert done.returncode != 0
    assert "did you mean server.port?" in done.stderr


def test_forked_processes_each_answer_with_a_store_of_their_own(environment: dict[str, str]) -> None:
    code = """
import os
from wsgiref.util import setup_testing_defaults
from ocpp_soap.wsgi import application

def ask():
    environ = {"PATH_INFO": "/readyz"}
    setup_testing_defaults(environ)
    statuses = []
    list(application(environ, lambda status, headers, exc_info=None: statuses.append(status)))
    assert statuses == ["200 OK"], statuses

ask()
for _ in range(2):
    child = os.fork()
    if child == 0:
        try:
            ask()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
ask()
"""
    done = python(code, {**environment, "PYTHONWARNINGS": "ignore::DeprecationWarning"})
    assert done.returncode == 0, done.stderr


def test_each_process_closes_it_at_its_end_those_of_multiprocessing_too(environment: dict[str, str]) -> None:
    code = """
import multiprocessing
from ocpp_soap import wsgi

class Closing:
    def __call__(self, environ, start_response):
        return []

    def end(self):
        print("closed", flush=True)

wsgi.central_system_application = lambda settings: Closing()
child = multiprocessing.get_context("fork").Process(target=wsgi.application, args=({}, None))
child.start()
child.join()
print("child ended", flush=True)
wsgi.application({}, None)
"""
    done = python(code, environment)
    assert done.stdout.splitlines() == ["closed", "child ended", "closed"], done.stderr


def test_it_serves_under_gunicorn_that_loads_it_before_it_forks(environment: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--threads", "4"]
    command += ["--bind", f"127.0.0.1:{port}", "ocpp_soap.wsgi:application"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        request = Request(
            f"http://127.0.0.1:{port}/Ocpp/CentralSystemService", HEARTBEAT, {"Content-Type": "application/soap+xml"}
        )
        for _ in range(4):
            assert b"heartbeatResponse" in answer(request, server)
    finally:
        server.terminate()
        server.wait(timeout=20)


def answer(request: Request, server: subprocess.Popen[bytes]) -> bytes:
    end = time.monotonic() + 20
    while True:
        try:
            with urlopen(request, timeout=10) as response:
                return bytes(response.read())
        except (URLError, ConnectionError):
            assert server.poll() is None, "gunicorn ended"
            assert time.monotonic() < end
            time.sleep(0.1)
