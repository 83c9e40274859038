"""Types of numbers and identities on the command line: what the protocol and every store can hold."""

from __future__ import annotations

import math
from typing import Any

import click

NUMBER = click.IntRange(-(2**31), 2**31 - 1)
"""A number as messages hold it, such as an id: 32 bits with a sign."""

COUNT = click.IntRange(1, 2**31 - 1)
"""How many, at least one."""


class Seconds(click.FloatRange):
    """A time span that ends: the range admits ``nan``, and ``inf`` where it has no maximum."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The seconds; fails for what is no number of them."""
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


def identity(value: str) -> str:
    """The ``type`` of an argument that names one charge point."""
    if not value:
        raise click.BadParameter("a charge point has an identity that is not empty")
    return value
