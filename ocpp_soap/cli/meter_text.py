"""Meter values as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def meter_lines(samples: Iterable[dict[str, Any]]) -> Iterator[str]:
    """``2026-01-31T12:00:00Z: 1234 Wh Energy.Active.Import.Register`` for each value of stored samples."""
    for sample in samples:
        for value in sample["value"]:
            words = (
                value["value"],
                value.get("unit"),
                value.get("measurand"),
                value.get("location"),
                value.get("context"),
            )
            yield f"{sample['timestamp']}: {' '.join(word for word in words if word)}"
