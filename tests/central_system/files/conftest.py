"""A file area with an FTP server, an FTPS server and an HTTP server in front of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from waitress.server import create_server

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.ftp import FtpService
from ocpp_soap.web.files import HttpFiles


@pytest.fixture
def system(make_central_system: Callable[..., CentralSystem], tmp_path: Path) -> CentralSystem:
    made = make_central_system(
        FILES__PATH=str(tmp_path / "files"), FILES__MAX_SIZE="200000", FTP__HOST="127.0.0.1", FTP__PORT="2121"
    )
    for identity in ("CP001", "CP002"):
        made.stations.allow(identity)
    return made


@pytest.fixture
def area(system: CentralSystem) -> FileArea:
    return system.files


@pytest.fixture
def serve(system: CentralSystem) -> Iterator[Callable[..., list[int]]]:
    """Serve the area by FTP with other settings; the ports."""
    stop = threading.Event()
    threads = []

    def start(**changes: Any) -> list[int]:
        settings = system.settings.ftp.model_copy(update={"port": 0, **changes})
        service = FtpService(system.files, settings)
        threads.append(threading.Thread(target=service.run, args=(stop,)))
        threads[-1].start()
        return service.ports

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def web(area: FileArea) -> Iterator[str]:
    """The URL at which the area is served by HTTP."""
    server: Any = create_server(HttpFiles(area), map={}, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/files"

    def leave_loop() -> None:
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.trigger.del_channel()
        server.del_channel()

    server.trigger.pull_trigger(leave_loop)
    thread.join()
    server.task_dispatcher.shutdown()
    server.close()


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and its certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
