"""Transaction ids: whole numbers from 1 on, never the same twice, of which each process takes some at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress

from ocpp_soap.central_system.collections import TRANSACTION_ID
from ocpp_soap.errors import StorageError
from ocpp_soap.storage.base import Storage

STOCK = 50
"""How many ids a process takes from the store at once; those left over when it ends are never given out."""

_LOW = STOCK // 2
"""Ids left from which on more are taken, so that no start has to wait for them."""


class TransactionIds:
    """Gives out the ids of a process. They fit int32; those of two processes are in no order."""

    def __init__(self, store: Storage) -> None:
        self._store = store
        self._stocks: dict[int, _Stock] = {}

    def next(self) -> int:
        """An id that was never given out. Raises StorageError when there is none left below 2**31."""
        process = os.getpid()
        stock = self._stocks.get(process) or self._stocks.setdefault(process, _Stock())
        with stock.lock:
            if not stock.ids:
                stock.ids.extend(self._take())
            elif len(stock.ids) <= _LOW and not stock.is_filling:
                stock.is_filling = True
                threading.Thread(target=self._fill, args=(stock,), name="transaction ids", daemon=True).start()
            return stock.ids.popleft()

    def _take(self) -> range:
        last = self._store.increment(TRANSACTION_ID, STOCK)
        return range(last - STOCK + 1, last + 1)

    def _fill(self, stock: _Stock) -> None:
        """Take more before they are needed; what goes wrong is told to the start that finds none."""
        ids = range(0)
        with suppress(StorageError):
            ids = self._take()
        with stock.lock:
            stock.ids.extend(ids)
            stock.is_filling = False


class _Stock:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ids: deque[int] = deque()
        self.is_filling = False
