"""Transaction ids: whole numbers from 1 on, never the same twice, of which each process takes a few at a time."""

from __future__ import annotations

import os
import threading

from ocpp_soap.central_system.collections import TRANSACTION_ID
from ocpp_soap.storage.base import Storage

STOCK = 20
"""How many ids a process takes from the store at once; those left over when it ends are never given out."""


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
                last = self._store.increment(TRANSACTION_ID, STOCK)
                stock.ids = range(last - STOCK + 1, last + 1)
            first, stock.ids = stock.ids[0], stock.ids[1:]
            return first


class _Stock:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ids = range(0)
