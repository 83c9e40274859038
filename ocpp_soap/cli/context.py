"""What commands start from: the settings of ``--config`` and the environment, and the central system on its store."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import click

from ocpp_soap import config, log
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.cli.audited import NOTHING_DONE, note
from ocpp_soap.cli.bounds import COUNT
from ocpp_soap.cli.output import print_hint
from ocpp_soap.errors import NotFound

T = TypeVar("T")

limit_option = click.option("--limit", type=COUNT, default=100, show_default=True, help="The most rows to print.")


def load_settings(ctx: click.Context) -> config.Settings:
    """The settings, checked; logging is set up by them."""
    settings = config.load(ctx.find_root().obj)
    log.configure(settings.log)
    return settings


@contextmanager
def central_system(ctx: click.Context) -> Iterator[CentralSystem]:
    """The central system of the settings, closed at the end; what was changed goes into the audit trail.

    So does what may have been changed or sent by a command that failed, ended with an exit code or was interrupted.
    SIGTERM interrupts it as Ctrl-C does.
    """
    with interrupted_by_sigterm():
        system = CentralSystem.open(load_settings(ctx))
        try:
            yield system
            note(ctx, system)
        except NOTHING_DONE:
            raise
        except BaseException as end:
            note(ctx, system, end)
            raise
        finally:
            system.close()


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does: what it has begun is put in order. Who ignores it goes on doing so."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def existing(value: T | None, what: str, listing: str) -> T:
    """The value; where it is None or False, raises NotFound, which names the command that lists what there is."""
    if not value:
        raise NotFound(f"there is no {what}; `ocpp-soap {listing}` shows all")
    return value


def first(items: Iterable[T], limit: int) -> list[T]:
    """The first ``limit`` items; says so on stderr where there are more."""
    found = list(islice(items, limit + 1))
    if len(found) > limit:
        print_hint(f"There are more than {limit}: --limit raises the number, the filters narrow the search.")
    return found[:limit]
