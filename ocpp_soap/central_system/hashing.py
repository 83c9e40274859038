"""Hashes of passwords, made a few at a time: each takes 8 MiB and some hundredths of a second of a core."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

from ocpp_soap.errors import RetryLater

AT_ONCE = 4
LONGEST_WAIT = 5.0
"""Seconds that a message waits for the hash of its password before it is to be sent again (503)."""
_COST = {"n": 2**13, "r": 8, "p": 1}


def hashed(password: str, salt: bytes) -> str:
    """The hash of a password by scrypt, with the salt before it."""
    made = hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, dklen=32, **_COST)
    return f"{salt.hex()}${made.hex()}"


class Hashing:
    """Makes the hashes of one process in :data:`AT_ONCE` threads, which begin where one is needed.

    They are threads of their own, since each that has made a hash keeps its memory.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._beginning = threading.Lock()

    def hashed(self, password: str, salt: bytes) -> str:
        """As the function. Raises RetryLater where too many wait for theirs."""
        with self._beginning:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(AT_ONCE, "hashing")
            made = self._threads.submit(hashed, password, salt)
        try:
            return made.result(LONGEST_WAIT)
        except TooLate:
            made.cancel()
            raise RetryLater("Too many passwords are being checked.") from None

    def close(self) -> None:
        """End the threads."""
        with self._beginning:
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = None
