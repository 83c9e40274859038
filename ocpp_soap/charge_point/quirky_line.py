"""The line of a station with quirks: it writes its own envelopes, and can break off in the middle of one."""

from __future__ import annotations

import http.client
import ssl
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from ocpp_soap.charge_point.events import action_of
from ocpp_soap.charge_point.quirks import Letter, Profile, envelope, http_headers
from ocpp_soap.errors import NoAddress, TimedOut, Unreachable
from ocpp_soap.messages import Action, Role, Version, find_action
from ocpp_soap.soap.namespaces import service_namespace


class QuirkyLine:
    """A sender whose envelopes and HTTP have the quirks of ``profile``; ``cut``: only half of a body is sent."""

    def __init__(
        self,
        url: str,
        version: Version,
        identity: str,
        profile: Profile,
        *,
        from_url: str,
        timeout: float,
        ca_file: str = "",
        cut: bool = False,
    ) -> None:
        self._url = url
        self._version = version
        self._identity = identity
        self._profile = profile
        self._from_url = from_url
        self._timeout = timeout
        self._ca_file = ca_file
        self._cut = cut

    def __call__(self, request: Any) -> Any:
        """Send one request and read its answer as leniently as any. Raises CallFailed."""
        from ocpp_soap.soap.client.answers import read_answer  # noqa: PLC0415 - slow to import

        action = _action_of(request)
        letter = Letter(
            self._version, self._identity, action.name, self._url, self._from_url, self._body(request, action)
        )
        return read_answer(action, self._version, self._post(letter), [])

    def _body(self, request: Any, action: Action) -> Any:
        from ocpp_soap.soap.codec import body_name, encode  # noqa: PLC0415 - slow to import

        namespace = service_namespace(Role.CENTRAL_SYSTEM, self._version)
        return etree.fromstring(
            encode(request, self._version, element=body_name(action.request), namespace=namespace).encode()
        )

    def _post(self, letter: Letter) -> Any:
        from ocpp_soap.soap.client.transport import HttpAnswer  # noqa: PLC0415 - slow to import

        body, headers = envelope(letter, self._profile), http_headers(letter, self._profile)
        connection = self._connection()
        try:
            if self._cut:
                self._send_half(connection, body, headers)
                raise Unreachable("the body was cut, by injection")
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            return HttpAnswer(answer.status, answer.read(), retry_after=answer.getheader("Retry-After", ""))
        except TimeoutError:
            raise TimedOut(f"{self._url} did not answer within {self._timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._url} cannot be reached: {error}") from None
        finally:
            connection.close()

    def _send_half(self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
        connection.putrequest("POST", self._path)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders(body[: len(body) // 2])

    @property
    def _path(self) -> str:
        parts = urlsplit(self._url)
        return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NoAddress(f"{self._url} cannot be called: expected an address like http://192.0.2.1:9220/")
        host, port = parts.hostname, parts.port
        if parts.scheme == "https":
            trusted = ssl.create_default_context(cafile=self._ca_file or None)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=self._timeout, context=trusted
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        if self._profile.http10:
            connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]
        return connection


def _action_of(request: Any) -> Action:
    action = find_action(Role.CENTRAL_SYSTEM, action_of(request))
    if action is None:
        raise TypeError(f"{type(request).__name__} is no request to a central system")
    return action
