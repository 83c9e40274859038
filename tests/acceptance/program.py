"""The whole program as its users start it: `serve` as a process, read back through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree
from ports import free_port

from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl

REQUESTS = Path(__file__).parent / "requests"
SOAP12 = "{http://www.w3.org/2003/05/soap-envelope}"
WSA = "{http://www.w3.org/2005/08/addressing}"
CENTRAL_NAMESPACE = {Version.V12: "urn://Ocpp/Cs/2010/08/", Version.V15: "urn://Ocpp/Cs/2012/06/"}


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, f"the process ended with {process.returncode}; its output is in serve.log"
            assert time.monotonic() < deadline, f"{url} did not answer within {seconds} s"
            time.sleep(0.05)


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status and the parsed envelope."""

    status: int
    envelope: etree._Element

    @property
    def message(self) -> etree._Element:
        (body,) = self.envelope.findall(f"{SOAP12}Body")
        (message,) = body
        return message

    def header(self, name: str) -> str | None:
        return self.envelope.findtext(f"{SOAP12}Header/{WSA}{name}")

    def text(self, name: str) -> str | None:
        found = self.message.find(f".//{{*}}{name}")
        return None if found is None else found.text


@dataclass(frozen=True)
class Program:
    """A running central system and the command line of the same configuration."""

    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base}/Ocpp/CentralSystemService"

    def post(self, body: bytes, url: str | None = None) -> Answer:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        request = urllib.request.Request(url or self.url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Answer(response.status, etree.fromstring(response.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, etree.fromstring(error.read()))

    def post_file(self, version: Version, action: str, transaction: str = "") -> Answer:
        (file,) = (REQUESTS / version.value).glob(f"*-{action}.xml")
        return self.post(file.read_bytes().replace(b"@TRANSACTION@", transaction.encode()))

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ocpp_soap", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done

    def wait_until_known(self, identity: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while identity not in [row["charge_box_identity"] for row in self.json("stations", "list")]:
            assert time.monotonic() < deadline, f"{identity} sent nothing within {seconds} s"

    def wait_until_booted_since_reset(self, identity: str, seconds: float = 30.0) -> None:
        """Wait until no transaction of an earlier test is open and the station has booted again."""
        deadline = time.monotonic() + seconds
        while [row for row in self.json("transactions", "list", "--station", identity) if row["state"] == "open"]:
            assert time.monotonic() < deadline, f"{identity} still charges after {seconds} s"

    def wait_for_transaction(self, identity: str, seconds: float = 30.0, **wanted: Any) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            for row in self.json("transactions", "list", "--station", identity):
                if all(row[name] == value for name, value in wanted.items()):
                    return dict(row)
            assert time.monotonic() < deadline, f"{identity} has no transaction with {wanted} after {seconds} s"

    def json(self, *arguments: str) -> Any:
        return self.parse(self.run(*arguments, "--json").stdout)

    @staticmethod
    def parse(text: str) -> Any:
        return json.loads(text)


@contextmanager
def simulated_station(program: Program, version: Version, identity: str) -> Iterator[str]:
    """`ocpp-soap simulate` of one idle station; yields the URL that it listens on, without a path."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "ocpp_soap", "simulate", "--central", program.url, "--version", version.value),
        *("--id", identity, "--listen", url.removeprefix("http://"), "--scenario", "idle"),
    ]
    process = subprocess.Popen(command, env=program.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"{url}/Ocpp/ChargePointService", process)
        program.wait_until_known(identity)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=15)


def assert_valid(answer: Answer, role: Role, version: Version) -> None:
    """The message of an answer follows the schema of the packaged service description."""
    wsdl.schema(role, version).assertValid(etree.fromstring(etree.tostring(answer.message)))
