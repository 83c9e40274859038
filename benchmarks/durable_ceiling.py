"""The ceiling with the bare store behind it: each start and stop is committed before its answer, by no rules at all.

What keeps starts and stops durable, on this store and behind HTTP, can be no faster than this. The file is that of the
environment's ``STORE``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import ceiling
from benchmarks.bare_store import Pair
from ocpp_soap.storage.file import FileStorage

_store = FileStorage(Path(os.environ["STORE"]))
_numbers = count()
_open: list[Pair] = []
"""Started and not stopped. A stop takes any of them, as the one it means may be the other worker's."""


def _committed(answer: Callable[[Any], str], commit: Callable[[], None]) -> Callable[[Any], str]:
    def committed(body: Any) -> str:
        text = answer(body)
        commit()
        return text

    return committed


def _start() -> None:
    _open.append(Pair(_store, f"{os.getpid()}-{next(_numbers)}", writer=1))


def _stop() -> None:
    try:
        pair = _open.pop()
    except IndexError:
        _start()
    else:
        pair.stop(1)


ceiling.change("StartTransaction", lambda answer: _committed(answer, _start))
ceiling.change("StopTransaction", lambda answer: _committed(answer, _stop))
application = ceiling.application
"""The WSGI application."""
