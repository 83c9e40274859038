"""Every error can go to another process and be copied, with all that it tells."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator

import pytest

from ocpp_soap.errors import FAULTS, Fault, NotSupported, OcppSoapError, Refused, RetryLater, SecurityError, TryLater
from ocpp_soap.soap.client.answers import _UnknownFault
from ocpp_soap.soap.faults import MustUnderstand


class OwnError(OcppSoapError):
    """As a handler may define one: it is made of other things than its text."""

    def __init__(self, station: str, *, connector: int) -> None:
        super().__init__(f"{station} has no connector {connector}")
        self.station = station


def in_package(cls: type[OcppSoapError]) -> Iterator[type[OcppSoapError]]:
    """The class and those below it, as far as the package has them: other tests have their own."""
    if cls.__module__.startswith("ocpp_soap."):
        yield cls
        for subclass in cls.__subclasses__():
            yield from in_package(subclass)


MADE_OTHERWISE: dict[type[Exception], OcppSoapError] = {
    Refused: Refused("CP001 refused Reset", _UnknownFault("UrlMismatch", "odd")),
    RetryLater: RetryLater("later", status=429, after=7),
    TryLater: TryLater("later", 7),
    MustUnderstand: MustUnderstand("Security"),
    _UnknownFault: _UnknownFault("UrlMismatch", "odd"),
    NotSupported: NotSupported("not here", kind="unknown_operation"),
}
ERRORS = [
    OwnError("CP001", connector=3),
    *(MADE_OTHERWISE[cls] if cls in MADE_OTHERWISE else cls("the reason") for cls in in_package(OcppSoapError)),
]


def by_pickle(error: OcppSoapError) -> OcppSoapError:
    return pickle.loads(pickle.dumps(error))  # type: ignore[no-any-return]


def told(error: OcppSoapError) -> dict[str, object]:
    """All that an error tells, an error within it too."""
    more = {name: told(value) if isinstance(value, Fault) else value for name, value in vars(error).items()}
    return {"class": type(error), "text": str(error), "args": error.args, **more}


class Stolen(SecurityError):
    """A fault as a handler may define one."""


@pytest.mark.parametrize(
    ("fault", "subcode"),
    [(NotSupported(), "NotSupported"), (Stolen(), "SecurityError"), (Fault("odd"), "InternalError")],
)
def test_every_fault_has_one_of_the_five_subcodes(fault: Fault, subcode: str) -> None:
    assert fault.subcode == subcode


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, by_pickle])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_copy_tells_the_same(error: OcppSoapError, again: Callable[[OcppSoapError], OcppSoapError]) -> None:
    assert told(again(error)) == told(error)


def test_every_error_is_among_them() -> None:
    assert {type(error) for error in ERRORS} >= {Refused, _UnknownFault, MustUnderstand, *FAULTS.values()}
