"""The dashboard in docs/ asks for metrics that there are, with labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.web.metrics import catalogue

DOCS = Path(__file__).parents[3] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text("utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
OUTSIDE = {"job", "le", "instance"}
"""Labels that Prometheus or a histogram adds."""
COUNTED_IN_THE_STORE = {
    metric.name
    for metric in (catalogue.STATIONS, catalogue.CONNECTORS, catalogue.OPEN_TRANSACTIONS, catalogue.COMMANDS)
}


def test_every_panel_has_its_own_place() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(places) == len(set(places)) == 14


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_a_metric_and_its_labels(query: str) -> None:
    known = {metric.name: metric for metric in catalogue.ALL}
    found = re.search(r"(ocpp_\w+?)(_bucket|_count|_sum)?\{", query)
    assert found is not None
    metric = known[found[1]]
    assert (found[2] is not None) == (metric.kind == "histogram")
    named = set(re.findall(r"(\w+)=~?\"", query)) | set(
        re.findall(r"\w+", "".join(re.findall(r"by \(([^)]*)\)", query)))
    )
    assert named <= set(metric.labels) | OUTSIDE


@pytest.mark.parametrize("query", [query for query in QUERIES if any(name in query for name in COUNTED_IN_THE_STORE)])
def test_what_every_machine_counts_in_the_same_store_is_not_added_up(query: str) -> None:
    assert query.startswith("max")


def test_the_page_explains_every_metric() -> None:
    text = (DOCS / "metrics.md").read_text("utf-8")
    assert [metric.name for metric in catalogue.ALL if f"`{metric.name}`" not in text] == []
