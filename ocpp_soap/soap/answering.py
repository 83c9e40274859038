"""From a request's bytes to the answer, with everything that can go wrong: what HTTP and ``messages replay`` share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import structlog

from ocpp_soap.dispatch import Exchanged
from ocpp_soap.errors import RetryLater, StoreUnavailable
from ocpp_soap.messages import Role
from ocpp_soap.pending import Pending
from ocpp_soap.soap import http
from ocpp_soap.soap.codec.notes import UNREAD
from ocpp_soap.soap.envelope import CONTENT_TYPES
from ocpp_soap.soap.exchange import Exchange, Receive
from ocpp_soap.soap.http import Answer
from ocpp_soap.soap.settings import SoapServerSettings
from ocpp_soap.soap.transport import Transports

Observer = Callable[[Exchanged], None]

_log = structlog.get_logger("ocpp_soap.soap")
_STORE_RETRY = 30
LARGE = 32768
"""Bytes from which on a message counts as large."""
LARGE_AT_ONCE = 4
LONGEST_WAIT = 5.0
"""Seconds that a large message waits for its turn before it is to be sent again (503)."""
AGAIN_AT_ONCE = 16
"""Requests that are answered again at once, by threads that wait for what they store."""
LONGEST_UNTIL_AGAIN = 15.0
"""Seconds since it came after which a request is not answered again, but is to be sent again (503)."""


class Answering:
    """Answers the requests of one role and tells ``observers`` of each, once, before its answer is sent.

    An observer may raise RetryLater or StoreUnavailable, which replaces the answer: a message that had to be kept and
    could not be kept has to come again.
    """

    def __init__(
        self, role: Role, receive: Receive, settings: SoapServerSettings, observers: Sequence[Observer] = ()
    ) -> None:
        self._receive = receive
        self._transports = Transports(role, settings)
        self._observers = tuple(observers)
        self._large = threading.BoundedSemaphore(LARGE_AT_ONCE)
        self._again: ThreadPoolExecutor | None = None
        self._beginning = threading.Lock()

    def answer(self, exchange: Exchange) -> Answer:
        """The answer to one request, without content coding; no more than LARGE_AT_ONCE large ones are in work.

        Their trees of elements would fill the memory, and more at a time would not be faster. Nothing is begun that the
        answer would have to wait for.
        """
        return self._finish(exchange, self._run(exchange))

    def answer_later(self, exchange: Exchange, send: Callable[[Answer], None]) -> Answer | None:
        """As :meth:`answer`; None: the answer waits for what is being stored, and is sent by another thread.

        What was not all stored is answered again, by a thread that waits. A large message waits in its thread, so that
        no more trees of such are kept than are in work.
        """
        if len(exchange.in_string) > LARGE:
            return self.answer(exchange)
        pending = exchange.pending = Pending()
        error = self._run(exchange)
        if not pending.is_begun:
            return self._finish(exchange, error)

        def over(is_stored: bool) -> None:
            is_usual = is_stored and error is None and exchange.out_error is None
            if is_usual and not (exchange.warnings and any(found.kind == UNREAD for found in exchange.warnings)):
                send(self._finish(exchange, None))
            else:  # takes longer: whoever is told that something is over has to tell others too
                self._threads().submit(lambda: send(self._in_the_end(exchange, error, is_stored=is_stored)))

        pending.when_over(over)
        return None

    def _in_the_end(
        self, exchange: Exchange, error: RetryLater | StoreUnavailable | None, *, is_stored: bool
    ) -> Answer:
        """The answer where it was none of the usual ones, or where not everything was stored."""
        if is_stored:
            return self._finish(exchange, error)
        if time.perf_counter() - exchange.started > LONGEST_UNTIL_AGAIN:
            return self._finish(exchange, StoreUnavailable("What was begun was not stored, and too much has to be."))
        return self.answer(exchange.anew())

    def _run(self, exchange: Exchange) -> RetryLater | StoreUnavailable | None:
        """Take a request through the protocol; what is returned has it sent again."""
        exchange.udc = self._receive
        is_large = len(exchange.in_string) > LARGE
        if is_large and not self._large.acquire(timeout=LONGEST_WAIT):
            return RetryLater("Too many large messages are in work.")
        try:
            exchange.status = self._transports.answer(exchange)
        except (RetryLater, StoreUnavailable) as error:
            return error
        finally:
            if is_large:
                self._large.release()
        return None

    def _finish(self, exchange: Exchange, error: RetryLater | StoreUnavailable | None) -> Answer:
        """The answer of a request that went through, once its observers have seen it."""
        if error is not None:
            return self._observed(exchange, *_later(exchange, error))
        fault = exchange.out_error
        if fault is not None:
            _log.info("request answered with a fault", subcode=fault.subcode, kind=fault.kind, reason=fault.reason,
                      **_about(exchange))  # fmt: skip
        elif exchange.warnings:
            forgiven = [f"{warning.kind} {warning.where}".strip() for warning in exchange.warnings]
            _log.info("request understood with warnings", warnings=forgiven, **_about(exchange))
        content_type = CONTENT_TYPES[exchange.in_document.soap_namespace]
        answer = Answer(exchange.status, [("Content-Type", content_type)], exchange.out_string)
        return self._observed(exchange, answer, fault.subcode if fault else "ok", fault.kind if fault else "")

    def refused(self, exchange: Exchange, refused: http.Refused) -> Answer:
        """The answer to a request whose body was not read."""
        _log.info("request refused", kind=refused.kind, status=refused.answer.status, **_about(exchange))
        return self._observed(exchange, refused.answer, refused.kind, refused.kind)

    def unread(self, exchange: Exchange, error: RetryLater) -> Answer:
        """The answer to a request that has to be sent again, whose body was not read."""
        return self._finish(exchange, error)

    def _threads(self) -> ThreadPoolExecutor:
        """The threads that answer again; they begin in the process that needs them."""
        with self._beginning:
            if self._again is None:
                self._again = ThreadPoolExecutor(AGAIN_AT_ONCE, "answering again")
        return self._again

    def _observed(self, exchange: Exchange, answer: Answer, outcome: str, kind: str) -> Answer:
        if not self._observers:
            return answer
        exchanged = _exchanged(exchange, answer, outcome, kind)
        for observer in self._observers:
            try:
                observer(exchanged)
            except (RetryLater, StoreUnavailable) as error:
                answer, outcome, kind = _later(exchange, error)
                exchanged = replace(exchanged, status=answer.status, outcome=outcome, kind=kind, response=answer.body)
            except Exception:
                _log.exception("an observer of messages failed", **_about(exchange))
        return answer


def _exchanged(exchange: Exchange, answer: Answer, outcome: str, kind: str) -> Exchanged:
    return Exchanged(
        exchange.received_at,
        time.perf_counter() - exchange.started,
        answer.status,
        outcome,
        kind,
        exchange.identity or exchange.url_identity,
        exchange.action.name if exchange.action else "",
        exchange.version,
        exchange.peer,
        exchange.in_string,
        answer.body,
        exchange.charset,
        exchange.http_action,
        exchange.url_identity,
        exchange.url_version,
        exchange.warnings,
        exchange.client_subject,
        exchange.username,
        exchange.password,
    )


def _later(exchange: Exchange, error: RetryLater | StoreUnavailable) -> tuple[Answer, str, str]:
    status, after = (error.status, error.after) if isinstance(error, RetryLater) else (503, _STORE_RETRY)
    kind = "rate_limit" if status == 429 else "store_unavailable" if isinstance(error, StoreUnavailable) else "overload"
    _log.warning("request has to be sent again", status=status, kind=kind, reason=str(error), **_about(exchange))
    answer = http.text(status, "The request cannot be processed now; send it again later.", ("Retry-After", str(after)))
    return answer, "retry_later", kind


def _about(exchange: Exchange) -> dict[str, str]:
    return {
        "charge_point": exchange.identity or exchange.url_identity,
        "action": exchange.action.name if exchange.action else "",
        "peer": exchange.peer,
    }
