"""How commands end: the exit code of each kind of failure, for scripts."""

from __future__ import annotations

from functools import cache

import click

from ocpp_soap.errors import (
    CallFailed,
    ConfigurationError,
    HandlerError,
    InvalidMessage,
    NotFound,
    OcppSoapError,
    StorageError,
)

FAILED = 1
USAGE = 2
CONFIGURATION = 3
NOT_FOUND = 4
STORE = 5
NO_ANSWER = 6
REFUSED = 7
BOX_REFUSED = 8

EXIT_CODES = """\
  0  done
  1  failed; the reason is on stderr
  2  wrong usage of the command line
  3  a setting or a handler file is wrong
  4  there is no such charge point, idTag or transaction
  5  the store cannot be used
  6  the charge point could not be reached or gave no usable answer
  7  the charge point answered that it will not do it
  8  the central system refused the charge box"""

_BY_ERROR: tuple[tuple[type[OcppSoapError], int], ...] = (
    (ConfigurationError, CONFIGURATION),
    (HandlerError, CONFIGURATION),
    (InvalidMessage, USAGE),
    (NotFound, NOT_FOUND),
    (StorageError, STORE),
    (CallFailed, NO_ANSWER),
)


class CommandFailed(click.ClickException):
    """An error of ours as the end of a command: one sentence on stderr, and the exit code of its kind."""


def failure(error: OcppSoapError) -> CommandFailed:
    """What ``error`` ends a command with."""
    code = next((code for kind, code in _BY_ERROR if isinstance(error, kind)), FAILED)
    return _with_exit_code(code)(str(error))


@cache
def _with_exit_code(code: int) -> type[CommandFailed]:
    return type("CommandFailed", (CommandFailed,), {"exit_code": code})
