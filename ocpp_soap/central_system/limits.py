"""How many messages a station or an address may send: more are answered 429, so that the station keeps them."""

from __future__ import annotations

import threading
import time

from ocpp_soap.errors import RetryLater

MOST_SENDERS = 100_000


class RateLimit:
    """At most ``per_minute`` messages of each sender, as many at once; 0: no limit. Each process counts for itself.

    A sender is the same in any letter case, as a station is.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._rate = per_minute / 60
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def check(self, sender: str) -> None:
        """Count a message of ``sender``. Raises RetryLater (429) if it is one too many."""
        if not self._per_minute:
            return
        sender = sender.lower()
        now = time.monotonic()
        with self._lock:
            if len(self._left) >= MOST_SENDERS:
                self._forget_idle(now)
            left, since = self._left.get(sender, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - since) * self._rate)
            if left < 1:
                wait = int((1 - left) / self._rate) + 1
                raise RetryLater(
                    f"{sender} sends more than {self._per_minute} messages a minute.", status=429, after=wait
                )
            self._left[sender] = (left - 1, now)

    def _forget_idle(self, now: float) -> None:
        """Forget who has its full allowance again after a minute of silence; all, if nobody has."""
        self._left = {sender: entry for sender, entry in self._left.items() if now - entry[1] < 60}
        if len(self._left) >= MOST_SENDERS:
            self._left.clear()
