"""How much of a long work is committed at once, so that others who write need not wait for long.

What a row costs differs a thousandfold between a file that is in memory and one whose every page must come from the
disk first. So the parts grow and shrink with the time that they take.
"""

from __future__ import annotations

LONGEST = 0.05
"""Seconds that a part should take at most, for which another process that writes may have to wait."""
_SHORT = LONGEST / 4


class Pace:
    """The size of the next part, from ``least``, where it begins, to ``most``."""

    def __init__(self, least: int, most: int) -> None:
        self.size = least
        self._least = least
        self._most = most

    def took(self, seconds: float, size: int) -> None:
        """A part of that size took so long: the next ones are half as large if that was too long.

        They are twice as large if it was short, and more than half of what it could be.
        """
        if seconds > LONGEST:
            self.size = max(self._least, self.size // 2)
        elif seconds < _SHORT and size * 2 > self.size:
            self.size = min(self._most, self.size * 2)
