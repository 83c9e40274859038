"""The JSON of requests: what is nested too deeply is none, so that whatever reads it bears it, nor is ``null``.

APIFlask takes ``null`` for ``{}``: a PUT of it would give a tag its defaults, and so let one in that is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask.json.provider import DefaultJSONProvider

DEEPEST = 50
"""Levels of a body; no request needs ten."""


class Json(DefaultJSONProvider):
    """Raises ValueError also for ``null``, and for a text of more than :data:`DEEPEST` levels."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value of a text."""
        try:
            value = super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if value is None:
            raise ValueError("null")
        level = [value]
        for _ in range(DEEPEST):
            level = [part for item in level for part in _parts(item)]
            if not level:
                return value
        raise ValueError("nested too deeply")


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
