"""The file area over FTP and FTPS, with resumption in both directions (12/15 §8.4, §8.5). Needs ``ocpp-soap[ftp]``.

pyftpdlib does the protocol. A user is the random name of one command and sees the folder of that command only.
"""

from __future__ import annotations

import errno
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL

from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.names import is_name
from ocpp_soap.central_system.files.record import Direction, Grant
from ocpp_soap.errors import StorageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import AuthenticationFailed
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

if TYPE_CHECKING:
    from ocpp_soap.settings import FtpSettings

MOST_CONNECTIONS = 512
MOST_OF_AN_ADDRESS = 128
"""Connections that come from one address; many stations may share that of a mobile operator."""
IDLE_SECONDS = 300
LOGIN_SECONDS = 30
"""Seconds after which a connection ends on which nobody has logged in, whatever else was said on it."""
PAUSE_AFTER_WRONG_PASSWORD = 1
_PERMISSIONS = {Direction.UPLOAD.value: "elaw", Direction.DOWNLOAD.value: "elr"}
_OLD_TLS = SSL.OP_NO_TLSv1 | SSL.OP_NO_TLSv1_1


class _Authorizer:
    """What pyftpdlib asks of one connection: who is it, where may he go, what may he do."""

    def __init__(self, area: FileArea) -> None:
        self._area = area
        self._grants: dict[str, Grant] = {}

    def grant(self, username: str) -> Grant:
        return self._grants[username]

    def validate_authentication(self, username: str, password: str, handler: Any) -> None:
        try:
            grant = self._area.verify(username, password)
        except StorageError as error:
            raise AuthenticationFailed("The store does not answer: try again later.") from error
        if grant is None:
            raise AuthenticationFailed("Unknown user, wrong password, or too late.")
        self._grants[username] = grant

    def has_user(self, username: str) -> bool:
        return username in self._grants

    def get_home_dir(self, username: str) -> str:
        return str(self._area.folder(self._grants[username]))

    def get_perms(self, username: str) -> str:
        return _PERMISSIONS[self._grants[username].direction]

    def has_perm(self, username: str, perm: str | None, path: str | None = None) -> bool:
        grant = self._grants.get(username)
        return grant is not None and grant.is_valid and (perm is None or perm in self.get_perms(username))

    def get_msg_login(self, username: str) -> str:
        return "Logged in."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        """Nothing to do: all files belong to this process."""

    def terminate_impersonation(self, username: str) -> None:
        """Nothing to do, as above."""


class _FileSystem(AbstractedFS):  # type: ignore[misc]
    """The folder of a user, in which only so much may be written."""

    def open(self, filename: str, mode: str) -> Any:
        path = Path(filename)
        if "r" in mode and "+" not in mode:
            return path.open(mode)
        if not is_name(path.name):
            raise OSError(errno.EPERM, "no file may have such a name")
        handler = self.cmd_channel
        return handler.area.space(handler.authorizer.grant(handler.username)).open(path.name, mode)

    def mkstemp(self, suffix: str = "", prefix: str = "", dir: Any = None, mode: str = "wb") -> Any:
        raise OSError(errno.EPERM, "a file must have a name")


class _Session:
    """What is ours of a connection: it ends unless somebody logs in, and what is done when a file has arrived."""

    abstracted_fs = _FileSystem
    timeout = IDLE_SECONDS
    banner = "ocpp-soap"
    auth_failed_timeout = PAUSE_AFTER_WRONG_PASSWORD
    area: FileArea
    authorizer: _Authorizer
    username: str
    authenticated: bool
    connected: bool
    ioloop: Any
    _login: Any = None

    def __init__(self, *args: Any, **named: Any) -> None:
        self.authorizer = _Authorizer(self.area)
        super().__init__(*args, **named)
        if self.connected:
            self._login = self.ioloop.call_later(LOGIN_SECONDS, self._end_without_login)

    def close(self) -> None:
        if self._login is not None:
            self._login.cancel()
        super().close()  # type: ignore[misc]

    def _end_without_login(self) -> None:
        if not self.authenticated:
            self.close()

    def on_file_received(self, file: str) -> None:
        self.area.received(self.authorizer.grant(self.username), Path(file).name)


class _Plain(_Session, FTPHandler):  # type: ignore[misc]
    use_sendfile = False


class _Explicit(_Session, TLS_FTPHandler):  # type: ignore[misc]
    ssl_options = TLS_FTPHandler.ssl_options | _OLD_TLS


class _Implicit(_Explicit):
    """TLS from the first byte on, as ``ftps://`` means on port 990."""

    def handle(self) -> None:
        self.secure_connection(self.ssl_context)

    def handle_ssl_established(self) -> None:
        if not self._greeted:
            self._greeted = True
            super().handle()

    _greeted = False


class FtpService:
    """The file area at ``settings.host`` and ``settings.port`` (0: a free one), FTPS where there is a certificate."""

    def __init__(self, area: FileArea, settings: FtpSettings) -> None:
        self._loop = IOLoop()
        shared: dict[str, Any] = {"area": area}
        if settings.public_host:
            shared["masquerade_address"] = settings.public_host
        if settings.passive_ports:
            first, last = settings.passive_ports
            shared["passive_ports"] = range(first, last + 1)
        if settings.certificate:
            shared |= {"certfile": settings.certificate, "keyfile": settings.key or settings.certificate}
        self._servers = [
            self._listen(_Explicit if settings.certificate else _Plain, shared, settings.host, settings.port)
        ]
        if settings.certificate and settings.ftps_port:
            self._servers.append(self._listen(_Implicit, shared, settings.host, settings.ftps_port))

    @property
    def ports(self) -> list[int]:
        """The ports listened on: of FTP, and of implicit FTPS if there is one."""
        return [server.socket.getsockname()[1] for server in self._servers]

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set, then close."""
        while not stop.is_set():
            self._loop.loop(timeout=0.2, blocking=False)
        for server in self._servers:
            server.close_all()

    def _listen(self, base: type[Any], shared: dict[str, Any], host: str, port: int) -> Any:
        server = FTPServer((host, port), type(base.__name__, (base,), dict(shared)), ioloop=self._loop)
        server.max_cons = MOST_CONNECTIONS
        server.max_cons_per_ip = MOST_OF_AN_ADDRESS
        return server
