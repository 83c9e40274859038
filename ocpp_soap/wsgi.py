"""The central system as a WSGI application: ``ocpp_soap.wsgi:application`` for gunicorn, uWSGI, mod_wsgi or granian.

The settings are those of the file that OCPP_SOAP_CONFIG names, else the defaults, and of OCPP_SOAP__… in the
environment. They are checked when this module is imported; each process opens the store with its first request, so
the module may be imported before the server forks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ocpp_soap import config, log
from ocpp_soap.web.app import Application, central_system_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class PerProcess:
    """The application of the process that calls it, built at the first call and closed when the process ends."""

    def __init__(self, settings: config.Settings) -> None:
        self._settings = settings
        self._application: Application | None = None
        self._lock = Lock()
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        application = self._application or self._build()
        return application(environ, start_response)

    def close(self) -> None:
        """Store what is pending and let go of the store."""
        if self._application is not None:
            self._application.end()

    def _build(self) -> Application:
        with self._lock:
            if self._application is None:
                self._application = central_system_application(self._settings)
                # Not by atexit, which the processes of multiprocessing, such as granian's workers, end without.
                Finalize(self, self.close, exitpriority=10)
            return self._application

    def _forget(self) -> None:
        self._application = None
        self._lock = Lock()


def _from_environment() -> PerProcess:
    file = os.environ.get("OCPP_SOAP_CONFIG")
    settings = config.load(Path(file) if file else None)
    log.configure(settings.log)
    return PerProcess(settings)


application = _from_environment()
