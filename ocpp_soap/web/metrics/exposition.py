"""The text format of Prometheus, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ocpp_soap.web.metrics.counting import BUCKETS, Labels, Series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Metric:
    """A metric: what it is called, what it says, and the names of its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


def lines(metric: Metric, series: Series) -> Iterator[str]:
    """The lines of one metric; none if nothing was counted."""
    found = sorted((labels, values) for (name, labels), values in series.items() if name == metric.name)
    if not found:
        return
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, values in found:
        if metric.kind == "histogram":
            yield from _histogram(metric, labels, values)
        else:
            yield f"{metric.name}{_labels(metric.labels, labels)} {_number(values[0])}"


def _histogram(metric: Metric, labels: Labels, values: list[float]) -> Iterator[str]:
    number = 0.0
    for bound, count in zip([*map(str, BUCKETS), "+Inf"], values[1:], strict=True):
        number += count
        yield f"{metric.name}_bucket{_labels((*metric.labels, 'le'), (*labels, bound))} {_number(number)}"
    yield f"{metric.name}_sum{_labels(metric.labels, labels)} {values[0]!r}"
    yield f"{metric.name}_count{_labels(metric.labels, labels)} {_number(number)}"


def _labels(names: tuple[str, ...], values: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
