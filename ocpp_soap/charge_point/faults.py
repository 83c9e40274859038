"""Fault injection: what an unreliable line does to a station's messages, by chance."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, fields
from typing import Any

from ocpp_soap.charge_point.sender import Sender
from ocpp_soap.errors import ConfigurationError, Unreachable


@dataclass(frozen=True)
class Injection:
    """``delay``: seconds before each message, at most. The others are probabilities, 0 to 1, for each message.

    ``drop``: it is sent, and its answer is lost. ``duplicate``: it is sent twice. ``cut``: its body ends in the middle.
    ``html``: a call to the station is answered with an HTML page. ``seed`` makes a run repeatable.
    """

    delay: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    cut: float = 0.0
    html: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, text: str) -> Injection:
        """``drop=0.1,delay=2`` as an Injection. Raises ConfigurationError."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            try:
                number = float(value)
            except ValueError:
                number = -1.0
            if name not in known or not 0 <= number < math.inf or (name not in ("delay", "seed") and number > 1):
                raise ConfigurationError(f"{part!r}: expected NAME=NUMBER, with a name of {', '.join(sorted(known))}")
            values[name] = int(number) if name == "seed" else number
        return cls(**values)

    @property
    def any(self) -> bool:
        """Something is injected into what stations send."""
        return bool(self.delay or self.drop or self.duplicate or self.cut)


class FaultyLine:
    """A sender over an unreliable line. ``cut_sender`` sends only the beginning of a message."""

    def __init__(self, sender: Sender, cut_sender: Sender, injection: Injection, name: str) -> None:
        self._sender = sender
        self._cut_sender = cut_sender
        self._injection = injection
        self._chance = random.Random(f"{injection.seed}/{name}")  # noqa: S311 - not for secrets

    def __call__(self, request: Any) -> Any:
        """Send, delay, double, cut or lose the request."""
        injection = self._injection
        if injection.delay:
            time.sleep(self._chance.uniform(0, injection.delay))
        if self._chance.random() < injection.cut:
            return self._cut_sender(request)
        if self._chance.random() < injection.duplicate:
            self._sender(request)
        response = self._sender(request)
        if self._chance.random() < injection.drop:
            raise Unreachable("the answer was lost, by injection")
        return response
