"""Scenario files: steps of a driver, of the network and of the central system, with what is expected of each."""

from ocpp_soap.charge_point.scenario.files import Scenario, load_scenario, shipped_scenarios
from ocpp_soap.charge_point.scenario.junit import junit_xml
from ocpp_soap.charge_point.scenario.runner import ScenarioResult, StepResult, run_scenario

__all__ = [
    "Scenario",
    "ScenarioResult",
    "StepResult",
    "junit_xml",
    "load_scenario",
    "run_scenario",
    "shipped_scenarios",
]
