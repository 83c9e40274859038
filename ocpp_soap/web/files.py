"""The file area over HTTP: ``/files/<user name>/<password>/<file name>``, to store with PUT or POST and fetch with GET.

Fetching goes on where it was cut, by ``Range``. What the path does not name rightly does not exist: 404.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.names import is_name
from ocpp_soap.central_system.files.record import Direction, Grant
from ocpp_soap.central_system.files.space import Ended, Growing, NoRoom
from ocpp_soap.central_system.files.transfers import HTTP_PATH
from ocpp_soap.errors import StorageError
from ocpp_soap.soap import http
from ocpp_soap.soap.http import Answer, Environ, StartResponse

PREFIX = HTTP_PATH + "/"
_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class HttpFiles:
    """A WSGI application for the paths below :data:`PREFIX`."""

    def __init__(self, area: FileArea) -> None:
        self._area = area

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        try:
            grant, name = self._named(http.path_of(environ))
        except StorageError:
            answer = http.text(503, "The store does not answer: try again later.", ("Retry-After", "30"))
            return http.respond(answer, environ, start_response)
        method = environ["REQUEST_METHOD"]
        if grant is None:
            answer = http.text(404, "There is nothing here, or no longer.")
        elif grant.direction == Direction.UPLOAD and method in ("PUT", "POST"):
            answer = self._store(environ, grant, name)
        elif grant.direction == Direction.DOWNLOAD and method in ("GET", "HEAD"):
            return self._fetch(environ, start_response, self._area.folder(grant) / name)
        else:
            allowed = "PUT, POST" if grant.direction == Direction.UPLOAD else "GET, HEAD"
            answer = http.text(405, f"Only {allowed} is possible here.", ("Allow", allowed))
        return http.respond(answer, environ, start_response)

    def _named(self, path: str) -> tuple[Grant | None, str]:
        username, _, rest = path.removeprefix(PREFIX).partition("/")
        password, _, name = rest.partition("/")
        if not is_name(name):
            return None, name
        return self._area.verify(username, password), name

    def _store(self, environ: Environ, grant: Grant, name: str) -> Answer:
        try:
            with self._area.space(grant).upload(name, int(environ.get("CONTENT_LENGTH") or 0)) as file:
                _copy(environ, file)
        except NoRoom as error:
            return http.text(413, f"The file is larger than the {error.room} bytes that are left for it.")
        except Ended:
            return http.text(409, "This file was removed, or another upload of it has begun.")
        except EOFError:
            return http.text(400, "Less has arrived than was announced.")
        self._area.received(grant, name)
        return http.text(201, "Stored.")

    def _fetch(self, environ: Environ, start_response: StartResponse, file: Path) -> Iterable[bytes]:
        if not file.is_file():
            return http.respond(http.text(404, "There is nothing here, or no longer."), environ, start_response)
        size = file.stat().st_size
        wanted = _RANGE.fullmatch(environ.get("HTTP_RANGE", ""))
        first = int(wanted[1]) if wanted else 0
        last = min(int(wanted[2]) if wanted and wanted[2] else size - 1, size - 1)
        if wanted and (first >= size or last < first):
            answer = http.text(416, "That part does not exist.", ("Content-Range", f"bytes */{size}"))
            return http.respond(answer, environ, start_response)
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(last - first + 1)),
            ("Accept-Ranges", "bytes"),
        ]
        if wanted:
            headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        start_response("206 Partial Content" if wanted else "200 OK", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else _read(file, first, last - first + 1)


def _copy(environ: Environ, file: Growing) -> None:
    """Store the body. Raises EOFError if it is shorter than announced."""
    announced = environ.get("CONTENT_LENGTH")
    left = int(announced) if announced else sys.maxsize if environ.get("wsgi.input_terminated") else 0
    while left > 0 and (chunk := environ["wsgi.input"].read(min(left, _CHUNK))):
        file.write(chunk)
        left -= len(chunk)
    if announced and left:
        raise EOFError


def _read(file: Path, first: int, length: int) -> Iterator[bytes]:
    with file.open("rb") as content:
        content.seek(first)
        while length > 0 and (chunk := content.read(min(length, _CHUNK))):
            length -= len(chunk)
            yield chunk
