"""From the HTTP answer to the confirmation, understanding what peers really send back.

No Header, no MessageID, a wrong RelatesTo, SOAP 1.1 for 1.2, a fault with status 200, a wrong name of the wrapper, or
none: all of it is read. What is no answer at all becomes one sentence through the CallFailed tree.
"""

from __future__ import annotations

import re
from http.client import responses
from typing import Any

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import FAULTS, BadAnswer, Fault, ProtocolError, Refused, TryLater
from ocpp_soap.messages import Action, Version, describe
from ocpp_soap.soap.bounds import check_depth, check_markup
from ocpp_soap.soap.client.transport import HttpAnswer
from ocpp_soap.soap.codec import body_name, decode
from ocpp_soap.soap.codec.names import local_name
from ocpp_soap.soap.codec.notes import note
from ocpp_soap.soap.parsing import html_root, parse

DEEPEST = 64
MOST_ELEMENTS = 10_000

_SECONDS = re.compile(r"[0-9]{1,6}").fullmatch

Element = Any


def read_answer(action: Action, version: Version, answer: HttpAnswer, warnings: list[MessageWarning]) -> Any:
    """The confirmation of ``action`` that an HTTP answer holds.

    Raises Refused for a fault, TryLater for HTTP 503 and 429 without one, BadAnswer for anything else, each with the
    second half of a sentence.
    """
    if not answer.body.strip():
        return _empty(action, answer, warnings)
    try:
        check_markup(answer.body, MOST_ELEMENTS)
        root = parse(answer.body, warnings, answer.charset)
        check_depth(root, answer.body, DEEPEST)
        body = _body(root)
    except ProtocolError as error:
        _raise_if_later(answer)
        raise BadAnswer(f"{_status(answer)}, which is no SOAP answer: {error.reason}") from None
    if not len(body) and _needs_nothing(action, answer):
        return _empty(action, answer, warnings)
    if len(body) == 1 and local_name(body[0].tag) == "fault":
        fault = _fault(body[0])
        raise Refused(f"refused {action.name} with the fault {fault.subcode}: {fault.reason}", fault) from fault
    try:
        return decode(action.response, _wrapper(action, body, warnings), version, warnings)
    except ProtocolError as error:
        raise BadAnswer(f"sent an answer to {action.name} that cannot be understood: {error.reason}") from None


def _status(answer: HttpAnswer) -> str:
    status = f"answered with HTTP {answer.status} {responses.get(answer.status, '')}".rstrip()
    if answer.location and 300 <= answer.status < 400:
        return f"{status} to {answer.location[:200]}"
    return status


def _needs_nothing(action: Action, answer: HttpAnswer) -> bool:
    """Whether the status alone confirms, since the confirmation has no fields."""
    return 200 <= answer.status < 300 and not describe(action.response)


def _empty(action: Action, answer: HttpAnswer, warnings: list[MessageWarning]) -> Any:
    if _needs_nothing(action, answer):
        note(warnings, "empty_answer", body_name(action.response), str(answer.status))
        return action.response()
    _raise_if_later(answer)
    raise BadAnswer(f"{_status(answer)} and nothing in it")


def _raise_if_later(answer: HttpAnswer) -> None:
    if answer.status in (429, 503):
        after = answer.retry_after.strip()
        raise TryLater(f"{_status(answer)}: it wants the message again later", int(after) if _SECONDS(after) else None)


def _body(root: Element) -> Element:
    if local_name(root.tag) == "envelope":
        for child in root:
            if local_name(child.tag) == "body":
                return child
    raise html_root(root) or ProtocolError(
        f"The root is {local_name(root.tag)[:100]!r}; expected an Envelope with a Body."
    )


def _wrapper(action: Action, body: Element, warnings: list[MessageWarning]) -> Element:
    """The element whose children are the confirmation's fields: the Body's child, or the Body itself."""
    expected = body_name(action.response)
    names = [local_name(child.tag) for child in body]
    if names == [expected]:
        return body[0]
    if set(names) & {info.wire_name for info in describe(action.response)}:
        note(warnings, "no_wrapper", expected)
        return body
    if len(names) != 1 or names[0] == body_name(action.request):
        raise BadAnswer(f"sent {', '.join(names)[:200] or 'an empty Body'} where {expected} belongs")
    note(warnings, "wrapper_name", expected, names[0])
    return body[0]


def _fault(element: Element) -> Fault:
    """The fault of SOAP 1.2 or 1.1; only local names count, since its namespace is used in many ways.

    Whatever the detail holds is the peer's own.
    """
    parts = [child for child in element if local_name(child.tag) != "detail"]
    codes = _texts(parts, "value") or _texts(parts, "faultcode")
    reasons = _texts(parts, "text") or _texts(parts, "faultstring")
    names = [code.rpartition(":")[2] for code in codes]
    reason = reasons[0] if reasons else ""
    known = next((FAULTS[name] for name in names if name in FAULTS), None)
    return known(reason) if known else _UnknownFault(names[-1] if names else "without a code", reason)


class _UnknownFault(Fault):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def subcode(self) -> str:
        return self.code


def _texts(elements: list[Element], name: str) -> list[str]:
    found = (child for element in elements for child in element.iter() if local_name(child.tag) == name)
    return [child.text.strip() for child in found if child.text and child.text.strip()]
