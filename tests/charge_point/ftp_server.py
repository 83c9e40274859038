"""A small FTP and FTPS server on the loopback, with REST and APPE, that can lose its data connections."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path


class FtpServer:
    """Serves ``root`` to user ``u`` with password ``p``. ``cut_after``: byte counts after which transfers are cut.

    ``tls``: explicit FTPS only, with the certificate ``data/server.pem``. ``commands`` holds what was received,
    ``says`` by code the whole reply that is given instead.
    """

    def __init__(self, root: Path, *, tls: bool = False) -> None:
        self.root = root
        self.commands: list[str] = []
        self.cut_after: list[int] = []
        self.says: dict[str, bytes] = {}
        self.context: ssl.SSLContext | None = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(CERTIFICATE)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(2)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=_Session(self, connection).run, daemon=True)
            self._threads.append(thread)
            thread.start()


CERTIFICATE = Path(__file__).parent / "data" / "server.pem"


class _Session:
    def __init__(self, server: FtpServer, connection: socket.socket) -> None:
        self.server, self.control, self.secure = server, connection, False
        self.user, self.logged_in, self.rest = "", False, 0
        self.passive: socket.socket | None = None

    def run(self) -> None:
        with self.control:
            self.say("220 ready")
            try:
                while self.answer(self.line()):
                    pass
            except (OSError, EOFError):
                pass
            finally:
                if self.passive:
                    self.passive.close()
        self.control.close()

    def say(self, text: str) -> None:
        self.control.sendall(self.server.says.get(text[:3], text.encode()) + b"\r\n")

    def line(self) -> str:
        received = b""
        while not received.endswith(b"\r\n"):
            byte = self.control.recv(1)
            if not byte:
                raise EOFError
            received += byte
        return received.decode().strip()

    def answer(self, line: str) -> bool:
        command, _, argument = line.partition(" ")
        self.server.commands.append(command.upper() if command != "PASS" else line)
        open_commands = ("USER", "PASS", "AUTH", "PBSZ", "PROT", "QUIT")
        if command not in open_commands and not self.logged_in:
            self.say("530 log in first")
        else:
            getattr(self, f"do_{command.lower()}", self.unknown)(argument)
        return command != "QUIT"

    def unknown(self, _argument: str) -> None:
        self.say("502 not implemented")

    def do_auth(self, _argument: str) -> None:
        if self.server.context is None:
            self.say("502 no TLS")
            return
        self.say("234 go on")
        self.control = self.server.context.wrap_socket(self.control, server_side=True)
        self.secure = True

    def do_pbsz(self, _argument: str) -> None:
        self.say("200 ok")

    do_prot = do_type = do_pbsz

    def do_user(self, argument: str) -> None:
        self.user = argument
        self.say("331 password")

    def do_pass(self, argument: str) -> None:
        self.logged_in = (self.user, argument) == ("u", "p") and (self.secure or self.server.context is None)
        self.say("230 in" if self.logged_in else "530 wrong")

    def do_quit(self, _argument: str) -> None:
        self.say("221 bye")

    def do_pasv(self, _argument: str) -> None:
        port = self.listen()
        self.say(f"227 at (127,0,0,1,{port // 256},{port % 256})")

    def do_epsv(self, _argument: str) -> None:
        self.say(f"229 at (|||{self.listen()}|)")

    def listen(self) -> int:
        if self.passive:
            self.passive.close()
        self.passive = socket.create_server(("127.0.0.1", 0))
        return int(self.passive.getsockname()[1])

    def file(self, argument: str) -> Path:
        return self.server.root / argument.lstrip("/")

    def do_size(self, argument: str) -> None:
        file = self.file(argument)
        self.say(f"213 {file.stat().st_size}" if file.exists() else "550 no such file")

    def do_rest(self, argument: str) -> None:
        self.rest = int(argument) if "350" not in self.server.says else 0
        self.say("350 from there")

    def do_retr(self, argument: str) -> None:
        file = self.file(argument)
        if not file.exists():
            self.say("550 no such file")
            return
        content, self.rest = file.read_bytes()[self.rest :], 0
        cut = self.server.cut_after.pop(0) if self.server.cut_after else None
        with self.data() as data:
            data.sendall(content[:cut])
        self.say("226 done" if cut is None else "426 cut")

    def do_stor(self, argument: str, mode: str = "wb") -> None:
        cut = self.server.cut_after.pop(0) if self.server.cut_after else None
        self.file(argument).parent.mkdir(parents=True, exist_ok=True)
        with self.data() as data, self.file(argument).open(mode) as file:
            content = b""
            while chunk := data.recv(65536):
                content += chunk
            file.write(content[:cut])
        self.say("226 done" if cut is None else "426 cut")

    def do_appe(self, argument: str) -> None:
        self.do_stor(argument, "ab")

    def data(self) -> socket.socket:
        assert self.passive is not None
        self.say("150 here it comes")
        connection, _ = self.passive.accept()
        self.passive.close()
        self.passive = None
        context = self.server.context
        return _Polite(context.wrap_socket(connection, server_side=True)) if context else connection  # type: ignore[return-value]


class _Polite:
    """A TLS data connection that says goodbye, as TLS wants it, before it is closed."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self.recv = connection.recv
        self.sendall = connection.sendall

    def __enter__(self) -> _Polite:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._connection.unwrap()
        self._connection.close()
