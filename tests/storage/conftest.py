"""Which stores are tested here, said in one line, and the processes that all of them race with.

OCPP_SOAP_REQUIRE_STORES (``mongodb,firebase``) makes it an error if the server of one of these cannot be had.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from storage_contract import Writers
from storage_servers import FirestoreEmulator, MongoServer, firestore_command, mongod
from tending import OPEN, SESSIONS, Tender

from ocpp_soap.storage.file import FileStorage

REMEDIES = {
    "mongodb": "pip install 'ocpp-soap[test]', which brings a mongod, or put one on the PATH",
    "firebase": "gcloud components install cloud-firestore-emulator, or npm install --prefix .run/firestore "
    "@firestore-emulator/server",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a file store."""
    return tmp_path / "test.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[FileStorage]:
    """A file store; the tests of another backend have their own."""
    with closing(FileStorage(path)) as opened:
        yield opened


@pytest.fixture
def tender(path: Path) -> Iterator[Tender]:
    """A process that tends the file store, in which there is a session."""
    with closing(FileStorage(path)) as store:
        store.create(SESSIONS, "first", OPEN)
    made = Tender(path)
    yield made
    with suppress(ProcessLookupError):
        made.send(signal.SIGCONT)
        made.end()


@pytest.fixture(scope="session")
def writers() -> Iterator[Writers]:
    found = Writers()
    yield found
    found.close()


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    if mongod() is None:
        pytest.skip(f"no mongod: {REMEDIES['mongodb']}")
    server = MongoServer(tmp_path_factory.mktemp("mongod") / "standalone", replica_set=False)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    if mongod() is None:
        pytest.skip(f"no mongod: {REMEDIES['mongodb']}")
    server = MongoServer(tmp_path_factory.mktemp("mongod") / "replica-set", replica_set=True)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreEmulator]:
    if firestore_command() is None:
        pytest.skip(f"no Firestore emulator: {REMEDIES['firebase']}")
    server = FirestoreEmulator(tmp_path_factory.mktemp("firestore"))
    yield server
    server.stop()


def missing_servers() -> list[str]:
    """The stores whose server is not on this machine."""
    commands = {"mongodb": mongod(), "firebase": firestore_command()}
    return [name for name, command in commands.items() if not command]


def pytest_collection_modifyitems() -> None:
    required = os.environ.get("OCPP_SOAP_REQUIRE_STORES", "").split(",")
    for name in missing_servers():
        if name in required:
            raise pytest.UsageError(f"OCPP_SOAP_REQUIRE_STORES: there is no server for {name}: {REMEDIES[name]}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    missing = missing_servers()
    ran = [name for name in ("file", "mongodb", "firebase") if name not in missing]
    skipped = [f"{name} ({REMEDIES[name]})" for name in missing]
    if "firebase" in ran and not firestore_command("gcloud"):
        ran[-1] = "firebase (in part, on npm's emulator: gcloud components install cloud-firestore-emulator)"
    terminalreporter.write_line(f"stores tested: {', '.join(ran)}; skipped: {'; '.join(skipped) or 'none'}")
