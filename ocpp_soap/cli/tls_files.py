"""The files of TLS, tried before anything starts: each worker would end over them, and be replaced, for ever."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.settings import FtpSettings, ServerSettings

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s.*?\s-----END CERTIFICATE-----", re.DOTALL)
_VERSION_3 = b"\xa0\x03\x02\x01\x02"
_BEGINNING = 16
_KEY_OF_ANOTHER = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


def check_server(server: ServerSettings) -> None:
    """Raises ConfigurationError that names each setting of ``server`` with which it cannot speak TLS, and why."""
    if not server.tls_certificate:
        return
    certificate = _File("server.tls_certificate", server.tls_certificate)
    problems = _pair(certificate, _File("server.tls_key", server.tls_key)) or _old(certificate)
    if server.tls_client_ca:
        problems += _File("server.tls_client_ca", server.tls_client_ca).without_certificate()
    if problems:
        raise ConfigurationError("\n".join(problems))


def check_ftp(ftp: FtpSettings) -> None:
    """Raises ConfigurationError that names each setting of ``ftp`` with which it cannot speak TLS, and why."""
    if not ftp.certificate:
        given = {"ftp.key": ftp.key, "ftp.ftps_port": ftp.ftps_port}
        problems = [
            f"{name}: {value!r} is not usable without ftp.certificate" for name, value in given.items() if value
        ]
    else:
        certificate = _File("ftp.certificate", ftp.certificate)
        problems = _pair(certificate, _File("ftp.key", ftp.key) if ftp.key else certificate)
    if problems:
        raise ConfigurationError("\n".join(problems))


@dataclass(frozen=True)
class _File:
    """A file, and the setting that names it."""

    setting: str
    path: str

    def not_usable(self, expected: str) -> list[str]:
        return [f"{self.setting}: {self.path!r} is not usable; expected {expected}"]

    def unreadable(self) -> list[str]:
        try:
            Path(self.path).read_bytes()
        except OSError as error:
            return [f"{self.setting}: {self.path!r} cannot be read: {error.strerror}"]
        return []

    def certificate(self) -> str:
        """The first one in it; empty: there is none."""
        found = _CERTIFICATE.search(Path(self.path).read_text("latin-1"))
        return found[0] if found else ""

    def without_certificate(self) -> list[str]:
        if problems := self.unreadable():
            return problems
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(self.path)
            usable = bool(self.certificate())
        except ssl.SSLError:
            usable = False
        return [] if usable else self.not_usable("certificates in PEM")


def _pair(certificate: _File, key: _File) -> list[str]:
    problems = certificate.without_certificate() + (key.unreadable() if key != certificate else [])
    if problems:
        return problems
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate.path, key.path, _no_password)
    except _Encrypted:
        return key.not_usable("a key without a password")
    except ssl.SSLError as error:
        if error.reason in _KEY_OF_ANOTHER:
            return key.not_usable(f"the key of {certificate.path}, not of another certificate")
        return key.not_usable(f"the key of {certificate.path} in PEM" + (f" ({error.reason})" if error.reason else ""))
    return []


def _old(certificate: _File) -> list[str]:
    """OpenSSL takes an older version, granian does not."""
    der = ssl.PEM_cert_to_DER_cert(certificate.certificate())
    return [] if _VERSION_3 in der[:_BEGINNING] else certificate.not_usable("a certificate of X.509 version 3")


class _Encrypted(Exception):
    """OpenSSL asks for the password of a key."""


def _no_password() -> str:
    raise _Encrypted
