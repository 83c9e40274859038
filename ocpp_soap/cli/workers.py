"""The worker processes of ``ocpp-soap serve``: granian's, made to end in time and to come back when they die.

The parent opens nothing that does not survive a fork: each worker builds an application of its own.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Thread
from typing import Any

import structlog
from granian import _signals
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from ocpp_soap import log, storage
from ocpp_soap.cli import granian_calls
from ocpp_soap.cli.keeper import looked_after
from ocpp_soap.cli.tls_files import check_server
from ocpp_soap.cli.together import Together
from ocpp_soap.config import Settings
from ocpp_soap.errors import ConfigurationError, OcppSoapError
from ocpp_soap.web.app import Application, central_system_application

SECONDS_TO_STOP = 3
"""After this a worker that still waits for a client is killed; what was answered is in the store by then."""

_LEAST_BUFFER = 8192
_ARENA_MAX = -8
CONNECTIONS = 16384
"""Connections that one worker holds, idle ones included."""


def serve(settings: Settings, address: str, announce: Callable[[], None]) -> None:
    """Serve the central system on the IP ``address`` until SIGTERM or SIGINT.

    ``announce`` is called when everything was found in order.

    Raises what building the application raises, before anything listens.
    """
    _try_out(settings)
    _allow_many_connections()
    _share_memory_between_threads()
    _let_threads_finish()
    granian_calls.use()
    workers = settings.server.workers or os.cpu_count() or 1
    together = Together(workers)
    server = _Server(
        "ocpp_soap.wsgi:application",
        address=address,
        port=settings.server.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=settings.server.threads,
        backlog=4096,
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(max_buffer_size=max(settings.soap.max_header, _LEAST_BUFFER)),
        ssl_cert=_file(settings.server.tls_certificate),
        ssl_key=_file(settings.server.tls_key),
        ssl_protocol_min=SSLProtocols.tls12,
        ssl_ca=_file(settings.server.tls_client_ca),
        ssl_client_verify=bool(settings.server.tls_client_ca),
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_STOP,
        log_level=LogLevels(settings.log.level),
        log_dictconfig=log.standard_library(settings.log),
    )
    server.check_files = partial(check_server, settings.server)
    announce()
    with looked_after(settings):
        server.serve(target_loader=lambda number: _application_of_worker(settings, number, together), wrap_loader=False)


def _file(path: str) -> Path | None:
    return Path(path) if path else None


class _Server(MPServer):
    """Respawns a worker however often it dies; granian gives up when one dies twice within six seconds.

    ``target_loader`` gets the number of the worker. With SIGHUP all workers are replaced, and the new ones read the
    files of TLS anew, if ``check_files`` finds nothing wrong with these; else the old ones go on with what they have.
    """

    check_files: Callable[[], None]

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Heed the first signal to stop only: two at once would wait for each other."""
        if not self.interrupt_signal:
            super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override]  # as granian has it
        return super()._spawn_worker(idx, target, partial(callback_loader, idx))

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        self.reload_signal = False
        self.main_loop_interrupt.clear()
        try:
            self.check_files()
        except ConfigurationError as error:
            structlog.get_logger("ocpp_soap.cli").error("the workers are not replaced", reason=str(error))
        else:
            super()._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]

    def _respawn_workers(self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0) -> None:
        now = time.monotonic()
        if any(now - self.wrks[index].birth < 1 for index in workers):
            time.sleep(1)
        super()._respawn_workers(workers, spawn_target, target_loader, delay)
        self.respawned_wrks.clear()
        for worker in self.wrks:
            if not worker.inner.is_alive() and worker.idx not in self.interrupt_children:
                self.interrupt_children.append(worker.idx)
        if self.interrupt_children:
            self.main_loop_interrupt.set()


def _application_of_worker(settings: Settings, number: int, together: Together) -> Application:
    """What a worker runs first. Its application is closed when the worker ends, and the worker with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent tells its workers; told twice, they do not end
    _signals._get_signals = lambda: [signal.SIGTERM]  # of which granian makes handlers next
    if settings.server.pin_workers:
        _keep_to_one_core(number, workers=together.workers)
    application = central_system_application(settings)
    Finalize(application, application.end, exitpriority=10)
    Thread(target=_end_with_parent, daemon=True).start()
    gc.collect()
    gc.freeze()
    together.begin(number)
    return application


def _end_with_parent() -> None:
    """A worker that was forked while its parent stopped may still have the parent's handler, so SIGTERM is not all."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_STOP)
        os.kill(os.getpid(), signal.SIGKILL)


def _try_out(settings: Settings) -> None:
    """Use the store and build the application in a process of its own: what is wrong is said once, nothing starts."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    trial = context.Process(target=_report_trial, args=(settings, sender))
    trial.start()
    sender.close()
    try:
        error = receiver.recv()
    except EOFError:
        error = None
    trial.join()
    if isinstance(error, BaseException):
        raise error
    if trial.exitcode:
        raise OcppSoapError(f"the application could not be built: its process ended with {trial.exitcode}")


def _report_trial(settings: Settings, sender: Connection) -> None:
    error: OcppSoapError | None = None
    try:
        store = storage.open(settings.storage)
        store.check()
        store.close()
        central_system_application(settings).close()
    except OcppSoapError as problem:
        error = type(problem)(str(problem)) if type(problem).__init__ is OcppSoapError.__init__ else problem
    sender.send(error)


def _share_memory_between_threads() -> None:
    """Let the threads of a worker share two heaps of glibc's; each of 8 per core keeps what its threads gave back.

    Measured over ten minutes of ``make soak``, two workers: 256 instead of 410 MiB, growing by 8 instead of 15.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 2)


def _let_threads_finish() -> None:
    """Have Linux not interrupt a thread that computes for one that is woken: it would wait for the interpreter's lock.

    Measured with 16 connections: a fifth less processor time for StartTransaction and StopTransaction on MongoDB. Where
    it is not allowed, in a process that is to be idle or under a filter of system calls, it goes on without.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _keep_to_one_core(number: int, *, workers: int) -> None:
    """Keep the threads of this worker to one core, if each worker can have its own (docs/adr/0011) and may.

    They compute one at a time, and one that waits for the interpreter's lock on another core is woken there each time
    that the lock is let go of, mostly for nothing.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if workers == len(cores) > 1:
        with suppress(OSError):
            os.sched_setaffinity(0, {cores[number % len(cores)]})


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
