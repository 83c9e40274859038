"""The HTTP side of a SOAP server: what a WSGI environment says, and answers."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

from ocpp_soap.soap.charsets import named_by_http

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApplication = Callable[[Environ, StartResponse], Iterable[bytes]]

LATER = "ocpp_soap.answer_later"
"""The key of an environ under which a WSGI server of ours has what sends an answer: of a status, headers and a body.

It may be called after the application has returned, from any thread, once; the application then returns ANSWERS_LATER.
"""
ANSWERS_LATER: list[bytes] = []
AnswerLater = Callable[[int, list[tuple[str, str]], bytes], None]

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_OF_THE_CONNECTION = frozenset({"Connection", "Upgrade"})
_ACTION = re.compile(r";\s*action\s*=\s*[\"']?([^\"';]+)", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


class Answer(NamedTuple):
    """What goes back: status, headers and body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Refused(Exception):
    """The request gets an HTTP status and a sentence instead of an envelope. ``kind`` is for counters and the log."""

    def __init__(self, status: int, sentence: str, kind: str, *headers: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.answer = text(status, sentence, *headers)


def text(status: int, sentence: str, *headers: tuple[str, str]) -> Answer:
    """A plain answer for people."""
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8"), *headers], f"{sentence}\n".encode())


def respond(answer: Answer, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Hand an answer to the WSGI server, without its body if only the head was asked for.

    What it says of the connection only a server of ours takes: others fail at it, as PEP 3333 lets them.
    """
    if answer.status >= 400 and LATER not in environ:
        answer = answer._replace(headers=[header for header in answer.headers if header[0] not in _OF_THE_CONNECTION])
    start_response(_STATUS_LINES[answer.status], _complete(answer))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]


def respond_later(answer: Answer, send: AnswerLater) -> None:
    """Hand the answer to a POST to a server of ours."""
    send(answer.status, _complete(answer), answer.body)


def _complete(answer: Answer) -> list[tuple[str, str]]:
    return [*answer.headers, ("Content-Length", str(len(answer.body)))]


def path_of(environ: Environ) -> str:
    """The path of the request, whose bytes are UTF-8 and which WSGI hands over as if they were Latin-1."""
    path: str = environ.get("PATH_INFO", "")
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def own_address(environ: Environ, public_url: str, *, forwarded: bool) -> str:
    """The URL of the request's path as the sender knows it; ``forwarded``: X-Forwarded-* may be believed.

    ``public_url`` holds the path below which the application is mounted, too. A Host header that is not a host name is
    not repeated.
    """
    mounted = "" if public_url else environ.get("SCRIPT_NAME", "")
    path = quote(f"{mounted}{path_of(environ)}", safe="/:@!$&'()*+,;=~")
    if public_url:
        return f"{public_url.rstrip('/')}{path}"
    scheme, host = environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", "")
    if forwarded:
        scheme = str(environ.get("HTTP_X_FORWARDED_PROTO", scheme)).split(",")[0].strip().lower()
        host = str(environ.get("HTTP_X_FORWARDED_HOST", host)).split(",")[0].strip()
    if not _HOST.fullmatch(host):
        host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}{path}"


def compressed(answer: Answer, accepted: str, over: int) -> Answer:
    """The answer, packed if it is longer than ``over`` bytes (0: never) and ``accepted`` (Accept-Encoding) asks."""
    if not over or len(answer.body) <= over or not accepted:
        return answer
    for coding, pack in (("gzip", _gzip), ("deflate", zlib.compress)):
        if _accepts(accepted, coding):
            headers = [*answer.headers, ("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
            return Answer(answer.status, headers, pack(answer.body))
    return answer


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def _accepts(accepted: str, coding: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() == coding:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters)
    return False


def basic_credentials(environ: Environ) -> tuple[str, str]:
    """User name and password of HTTP Basic (RFC 7617); two empty texts if there are none."""
    scheme, _, coded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(coded.strip(), validate=True).decode("utf-8", "replace").partition(":")
    except ValueError:
        return "", ""
    return username, password


def charset_and_action(environ: Environ) -> tuple[str, str]:
    """The charset of Content-Type, and the action that HTTP tells; an empty text for what is not there.

    The action is in the SOAPAction header of SOAP 1.1, or a parameter of Content-Type in SOAP 1.2.
    """
    found = _parameters(environ.get("CONTENT_TYPE", ""))
    header: str = environ.get("HTTP_SOAPACTION", "").strip(" \"'")
    return (found[0], header) if header else found


@lru_cache(maxsize=256)
def _parameters(content_type: str) -> tuple[str, str]:
    action = _ACTION.search(content_type)
    return named_by_http(content_type), action[1].strip() if action else ""
