"""Files to and from a server: FTP and FTPS (12/15 §8.4, §8.5) with resumption, HTTP and HTTPS as an extension.

``location`` is a URL as in the messages: ``ftp://user:password@host:port/path``, of which the user, the password and
the port may be missing. FTPS is explicit TLS, implicit on port 990.
"""

from __future__ import annotations

import ftplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

import requests
import structlog
from urllib3.exceptions import HTTPError

from ocpp_soap.messages import GetDiagnosticsRequest, UpdateFirmwareRequest

_log = structlog.get_logger("ocpp_soap.charge_point")

TIMEOUT = 30.0
DEFAULT_ATTEMPTS = 3
DEFAULT_RETRY_INTERVAL = 10
_CHUNK = 64 * 1024
_IMPLICIT_TLS_PORT = 990
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_CANNOT_RESUME = ("500", "501", "502", "504")
_EXPECTED = (OSError, EOFError, ValueError, ftplib.Error, requests.RequestException, HTTPError)


def attempts_of(request: GetDiagnosticsRequest | UpdateFirmwareRequest) -> int:
    """How often a transfer is tried, at least once; ``retries`` is optional in both messages."""
    return max(DEFAULT_ATTEMPTS if request.retries is None else request.retries, 1)


def retry_interval_of(request: GetDiagnosticsRequest | UpdateFirmwareRequest) -> int:
    """Seconds between two attempts; ``retryInterval`` is optional in both messages."""
    return DEFAULT_RETRY_INTERVAL if request.retry_interval is None else request.retry_interval


class TransferFailed(Exception):
    """An attempt failed; what was transferred already counts for the next one."""


@dataclass(frozen=True)
class Transfers:
    """How files are moved: ``ca_file`` verifies FTPS and HTTPS servers (None: the system's authorities)."""

    http: bool = True
    ca_file: str | None = None

    def upload(self, file: Path, location: str, name: str) -> None:
        """Store ``file`` as ``name`` in the folder ``location``; goes on where an earlier attempt ended.

        Raises TransferFailed.
        """
        url = _parse(location)
        with _as_failure():
            if url.scheme in ("ftp", "ftps"):
                with self._ftp(url) as ftp:
                    _ftp_store(ftp, file, f"{_path(url).rstrip('/')}/{name}")
                return
            self._check_http(url)
            target = url._replace(path=f"{url.path.rstrip('/')}/{quote(name)}").geturl()
            with file.open("rb") as content:
                answer = self._session().put(target, data=content, timeout=TIMEOUT, allow_redirects=False)
            _check(answer)

    def download(self, location: str, file: Path) -> None:
        """Fetch ``location`` into ``file``, appending to what an earlier attempt left there. Raises TransferFailed."""
        url = _parse(location)
        with _as_failure():
            if url.scheme in ("ftp", "ftps"):
                with self._ftp(url) as ftp:
                    _ftp_fetch(ftp, _path(url), file)
                return
            self._check_http(url)
            self._http_fetch(url.geturl(), file)

    @contextmanager
    def _ftp(self, url: SplitResult) -> Iterator[ftplib.FTP]:
        if url.scheme == "ftps":
            context = ssl.create_default_context(cafile=self.ca_file)
            implicit = url.port == _IMPLICIT_TLS_PORT
            ftp: ftplib.FTP = _Tls(context, implicit=implicit, timeout=TIMEOUT)
        else:
            ftp = _Ftp(timeout=TIMEOUT)
        with closing(ftp):
            ftp.connect(url.hostname or "", url.port or ftplib.FTP_PORT)
            ftp.login(unquote(url.username or ""), unquote(url.password or ""))
            if isinstance(ftp, ftplib.FTP_TLS):
                ftp.prot_p()
            yield ftp
            with suppress(*_EXPECTED):
                ftp.quit()

    def _http_fetch(self, url: str, file: Path) -> None:
        there = file.stat().st_size if file.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
        with self._session().get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if there and answer.status_code == _RANGE_NOT_SATISFIABLE:
                return
            _check(answer)
            mode = "ab" if answer.status_code == _PARTIAL_CONTENT else "wb"
            with file.open(mode) as target:
                for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                    target.write(chunk)

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = self.ca_file or True
        return session

    def _check_http(self, url: SplitResult) -> None:
        if not self.http or url.scheme not in ("http", "https"):
            raise TransferFailed(f"{url.scheme or 'no scheme'}: expected ftp or ftps")


class _Ftp(ftplib.FTP):
    """FTP whose replies may be in any encoding: what counts in them is ASCII."""

    def getline(self) -> str:
        if isinstance(self.file, TextIOWrapper) and self.file.errors == "strict":
            self.file.reconfigure(errors="replace")
        return super().getline()


class _Tls(ftplib.FTP_TLS, _Ftp):
    """FTPS whose data connections resume the control connection's session; implicit TLS wraps from the first byte."""

    def __init__(self, context: ssl.SSLContext, *, implicit: bool, timeout: float) -> None:
        super().__init__(context=context, timeout=timeout)
        self._implicit = implicit

    def connect(self, host: str = "", port: int = 0, timeout: float = -999, source_address: object = None) -> str:
        if not self._implicit:
            return super().connect(host, port)
        plain = socket.create_connection((host, port), TIMEOUT)
        self.host, self.port, self.af = host, port, plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - FTP_TLS wraps without a session
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size


def _ftp_fetch(ftp: ftplib.FTP, source: str, file: Path) -> None:
    command = f"RETR {source}"
    with file.open("ab") as target:
        there = target.tell()
        if there:
            try:
                ftp.retrbinary(command, target.write, _CHUNK, rest=there)
            except ftplib.error_perm as error:
                if str(error)[:3] not in _CANNOT_RESUME:
                    raise
                target.truncate(0)
            else:
                return
        ftp.retrbinary(command, target.write, _CHUNK)


def _ftp_store(ftp: ftplib.FTP, file: Path, target: str) -> None:
    ftp.voidcmd("TYPE I")
    try:
        there = ftp.size(target) or 0
    except (ftplib.error_perm, ValueError):
        there = 0
    size = file.stat().st_size
    if 0 < there == size:
        return
    with file.open("rb") as content:
        if 0 < there < size:
            content.seek(there)
            ftp.storbinary(f"APPE {target}", content, _CHUNK)
        else:
            ftp.storbinary(f"STOR {target}", content, _CHUNK)


def _parse(location: str) -> SplitResult:
    try:
        url = urlsplit(location)
        _ = url.port
    except ValueError as error:
        raise TransferFailed(f"{location!r} is not a URL") from error
    if not url.hostname:
        raise TransferFailed(f"{location!r} names no host")
    return url


def _path(url: SplitResult) -> str:
    path = unquote(url.path)
    if any(ord(character) < 32 for character in path):
        raise TransferFailed("the path holds control characters")
    return path


@contextmanager
def _as_failure() -> Iterator[None]:
    try:
        yield
    except TransferFailed:
        raise
    except Exception as error:
        if not isinstance(error, _EXPECTED):
            _log.exception("a file transfer failed unexpectedly")
        raise TransferFailed(f"{type(error).__name__}: {error}") from error


def _check(answer: requests.Response) -> None:
    if not answer.ok or answer.is_redirect:
        raise TransferFailed(f"HTTP {answer.status_code}")
