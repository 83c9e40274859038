"""The results of scenarios as JUnit XML, which continuous-integration servers read."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from ocpp_soap.charge_point.scenario.runner import ScenarioResult
from ocpp_soap.printable import blanked


def junit_xml(results: Iterable[ScenarioResult]) -> bytes:
    """One test suite for each scenario and station, one test case for each step."""
    root = ET.Element("testsuites")
    for result in results:
        suite = ET.SubElement(
            root,
            "testsuite",
            name=f"{result.scenario} on {result.station}",
            tests=str(len(result.steps)),
            failures=str(sum(bool(step.failure) for step in result.steps)),
            skipped=str(sum(step.skipped for step in result.steps)),
            errors="0",
            time=f"{sum(step.seconds for step in result.steps):.3f}",
        )
        for step in result.steps:
            name = blanked(step.title)
            case = ET.SubElement(suite, "testcase", classname=result.scenario, name=name, time=f"{step.seconds:.3f}")
            if step.failure:
                ET.SubElement(case, "failure", message=blanked(step.failure))
            if step.skipped:
                ET.SubElement(case, "skipped")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
