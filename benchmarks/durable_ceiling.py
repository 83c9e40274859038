"""The ceiling with the bare store behind it: each start and stop is committed before its answer, by no rules at all.

What keeps starts and stops durable, on this store and behind HTTP, can be no faster than this. The file is that of the
environment's ``STORE``.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from benchmarks import ceiling
from benchmarks.bare_store import Pair
from ocpp_soap.storage.file import FileStorage

_store = FileStorage(Path(os.environ["STORE"]))
_numbers = count()
_open: list[Pair] = []
"""Started and not stopped. A stop takes any of them, as the one it means may be the other worker's."""


def _start() -> None:
    _open.append(Pair(_store, f"{os.getpid()}-{next(_numbers)}", writer=1))


def _stop() -> None:
    try:
        pair = _open.pop()
    except IndexError:
        _start()
    else:
        pair.stop(1)


ceiling.do_before("StartTransaction", _start)
ceiling.do_before("StopTransaction", _stop)
application = ceiling.application
"""The WSGI application."""
