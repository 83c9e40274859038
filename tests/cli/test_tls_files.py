"""The files of TLS are tried before anything starts; what is wrong is told with the setting and the path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from ocpp_soap import config
from ocpp_soap.cli.tls_files import check_ftp, check_server
from ocpp_soap.errors import ConfigurationError

TLS = Path(__file__).parent.parent / "data" / "tls"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The certificates of the tests, an encrypted key, an empty file, and a folder."""
    for file in TLS.glob("*.pem"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    key = serialization.load_pem_private_key((TLS / "server.pem").read_bytes(), password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    (tmp_path / "encrypted.pem").write_bytes(encrypted)
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "folder").mkdir()
    return tmp_path


def told_by(check: Any, section: Any) -> list[str]:
    try:
        check(section)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def told_by_server(folder: Path, certificate: str, key: str, client_ca: str = "") -> list[str]:
    files = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": client_ca}
    changes = {setting: str(folder / name) if name else "" for setting, name in files.items()}
    return told_by(check_server, config.load(None, {}).server.model_copy(update=changes))


@pytest.mark.parametrize("client_ca", ["", "ca.pem", "version_1.pem"])
def test_files_that_belong_together_are_good(folder: Path, client_ca: str) -> None:
    assert told_by_server(folder, "server.pem", "server.pem", client_ca) == []


def test_without_tls_no_file_is_needed(folder: Path) -> None:
    assert told_by_server(folder, "", "") == []


@pytest.mark.parametrize(
    ("certificate", "key", "client_ca", "setting", "reason"),
    [
        ("nowhere.pem", "server.pem", "", "tls_certificate", "cannot be read: No such file or directory"),
        ("folder", "server.pem", "", "tls_certificate", "cannot be read: Is a directory"),
        ("empty.pem", "server.pem", "", "tls_certificate", "expected certificates in PEM"),
        ("encrypted.pem", "server.pem", "", "tls_certificate", "expected certificates in PEM"),
        ("version_1.pem", "version_1.pem", "", "tls_certificate", "expected a certificate of X.509 version 3"),
        ("server.pem", "nowhere.pem", "", "tls_key", "cannot be read: No such file or directory"),
        ("server.pem", "client.pem", "", "tls_key", "server.pem, not of another certificate"),
        ("server.pem", "ca.pem", "", "tls_key", "server.pem in PEM"),
        ("server.pem", "empty.pem", "", "tls_key", "server.pem in PEM"),
        ("server.pem", "encrypted.pem", "", "tls_key", "expected a key without a password"),
        ("server.pem", "server.pem", "nowhere.pem", "tls_client_ca", "cannot be read: No such file or directory"),
        ("server.pem", "server.pem", "empty.pem", "tls_client_ca", "expected certificates in PEM"),
        ("server.pem", "server.pem", "encrypted.pem", "tls_client_ca", "expected certificates in PEM"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_setting(
    folder: Path, certificate: str, key: str, client_ca: str, setting: str, reason: str
) -> None:
    (sentence,) = told_by_server(folder, certificate, key, client_ca)
    wrong = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": client_ca}[setting]
    assert sentence.startswith(f"server.{setting}: '{folder / wrong}' ")
    assert reason in sentence


def test_every_file_that_is_missing_is_told(folder: Path) -> None:
    assert len(told_by_server(folder, "no-certificate", "no-key", "no-authority")) == 3


def told_by_ftp(**changes: Any) -> list[str]:
    return told_by(check_ftp, config.load(None, {}).ftp.model_copy(update=changes))


def test_ftp_may_have_certificate_and_key_in_one_file(folder: Path) -> None:
    assert told_by_ftp() == []
    assert told_by_ftp(certificate=str(folder / "server.pem"), ftps_port=990) == []
    (sentence,) = told_by_ftp(certificate=str(folder / "ca.pem"))
    assert sentence.startswith(f"ftp.certificate: '{folder / 'ca.pem'}' is not usable")


def test_ftp_is_not_served_with_the_key_of_another_certificate(folder: Path) -> None:
    (sentence,) = told_by_ftp(certificate=str(folder / "server.pem"), key=str(folder / "client.pem"))
    assert sentence.startswith(f"ftp.key: '{folder / 'client.pem'}' is not usable")


def test_ftp_has_no_port_of_ftps_without_a_certificate() -> None:
    assert told_by_ftp(ftps_port=990, key="key.pem") == [
        "ftp.key: 'key.pem' is not usable without ftp.certificate",
        "ftp.ftps_port: 990 is not usable without ftp.certificate",
    ]
