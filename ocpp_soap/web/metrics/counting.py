"""Counters and histograms in the memory of one process."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from threading import Lock

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; there is one more, without bound."""

Labels = tuple[str, ...]
Series = dict[tuple[str, Labels], list[float]]
"""By metric and label values: ``[value]`` of a counter, ``[sum, number in each bucket …]`` of a histogram."""
Pair = tuple[list[float], list[float]]
_HISTOGRAM = len(BUCKETS) + 2


class Counting:
    """Counts from many threads. The label values stand in the order of the metric's label names."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._series: Series = {}

    def add(self, metric: str, labels: Labels, by: float = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._find(metric, labels, 1)[0] += by

    def observe(self, metric: str, labels: Labels, seconds: float) -> None:
        """Add a duration to a histogram."""
        with self._lock:
            _add_to(self._find(metric, labels, _HISTOGRAM), seconds)

    def pair(self, counter: str, counted: Labels, histogram: str, timed: Labels) -> Pair:
        """A counter and a histogram that are always added to together, for :meth:`observe_pair`."""
        with self._lock:
            return self._find(counter, counted, 1), self._find(histogram, timed, _HISTOGRAM)

    def observe_pair(self, pair: Pair, seconds: float) -> None:
        """Add 1 to the counter and a duration to the histogram: what every message costs."""
        with self._lock:
            pair[0][0] += 1
            _add_to(pair[1], seconds)

    def series(self) -> Series:
        """A copy of all that was counted."""
        with self._lock:
            return {key: list(values) for key, values in self._series.items()}

    def _find(self, metric: str, labels: Labels, size: int) -> list[float]:
        series = self._series.get((metric, labels))
        if series is None:
            series = self._series[metric, labels] = [0.0] * size
        return series


def _add_to(histogram: list[float], seconds: float) -> None:
    histogram[0] += seconds
    histogram[1 + bisect_left(BUCKETS, seconds)] += 1


def total(parts: Iterable[Series]) -> Series:
    """What several processes counted, added up."""
    found: Series = {}
    for part in parts:
        for key, values in part.items():
            before = found.get(key)
            found[key] = values if before is None else [a + b for a, b in zip(before, values, strict=True)]
    return found
