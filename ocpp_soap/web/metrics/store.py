"""How long the verbs of a store take, those that are only begun until they are over."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from ocpp_soap.errors import AlreadyExists, NotAlone, NotFound, RevisionConflict
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Storage
from ocpp_soap.web.metrics.catalogue import STORE_SECONDS
from ocpp_soap.web.metrics.counting import Counting

VERBS = (
    "create",
    "create_alone",
    "create_and_append",
    "get",
    "get_many",
    "get_again",
    "replace",
    "replace_and_append",
    "put",
    "delete",
    "delete_where",
    "find",
    "count",
    "increment",
    "append",
    "append_found",
    "write",
)
_EXPECTED = (AlreadyExists, NotAlone, NotFound, RevisionConflict)


def measure(store: Storage, counting: Counting) -> None:
    """From now on, let every verb of this store object tell how long it took."""
    for verb in VERBS:
        setattr(store, verb, _timed(getattr(store, verb), verb, counting))


def _timed(work: Callable[..., Any], verb: str, counting: Counting) -> Callable[..., Any]:
    done, failed = (verb, "ok"), (verb, "failed")
    name = STORE_SECONDS.name

    def timed(*arguments: Any, **values: Any) -> Any:
        begin = perf_counter()
        try:
            result = work(*arguments, **values)
        except _EXPECTED:
            counting.observe(name, done, perf_counter() - begin)
            raise
        except Exception:
            counting.observe(name, failed, perf_counter() - begin)
            raise
        pending: Pending | None = values.get("pending")
        if pending is None or not pending.is_begun:
            counting.observe(name, done, perf_counter() - begin)
        else:
            pending.afterwards(
                lambda is_stored: counting.observe(name, done, perf_counter() - begin) if is_stored else None
            )
        return result

    return timed
