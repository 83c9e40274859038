"""How commands end: the exit code of each kind of failure, for scripts."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
from ocpp_soap.printable import printable

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


_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class CommandFailed(click.ClickException):
    """An error of ours as the end of a command: one sentence on stderr, and the exit code of its kind."""


def failure(error: OcppSoapError) -> CommandFailed:
    """What ``error`` ends a command with."""
    code = next((code for kind, code in _BY_ERROR if isinstance(error, kind)), FAILED)
    return _with_exit_code(code)(printable(str(error), keep="\n" if code == CONFIGURATION else ""))


@contextmanager
def ending_in_a_sentence() -> Iterator[None]:
    """Let what ends a command be said in one sentence: an error of ours, or one of the operating system.

    A broken pipe is left to click, which ends quietly: who reads the output has seen enough.
    """
    try:
        yield
    except OcppSoapError as error:
        raise failure(error) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up_output()
        place = error.filename or ("the output cannot be written" if error.errno in _NOT_WRITTEN else "")
        reason = error.strerror or str(error)
        raise CommandFailed(printable(f"{place}: {reason}" if place else reason)) from error


def _give_up_output() -> None:
    """Forget what stdout holds and does not take: Python would try it again at its end, and fail."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


@cache
def _with_exit_code(code: int) -> type[CommandFailed]:
    return type("CommandFailed", (CommandFailed,), {"exit_code": code})
