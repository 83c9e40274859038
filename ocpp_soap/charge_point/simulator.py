"""``ocpp-soap simulate``: what the command runs.

The scenario ``idle`` waits for the central system: a driver plugs in when it starts a session remotely. In ``charge``
each station boots, authorises a tag, charges on connector 1 with at least three meter values, and stops before the
end; what an interrupted network held back has then :data:`~ocpp_soap.charge_point.fleet.DELIVERY_TIME` to be
delivered. Any other scenario is a file of steps, see :mod:`ocpp_soap.charge_point.scenario`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ocpp_soap.charge_point.fleet import Simulation
from ocpp_soap.charge_point.scenario import junit_xml, load_scenario
from ocpp_soap.charge_point.scenario.play import ScenarioSimulation
from ocpp_soap.charge_point.simulation import SimulationOptions, Summary
from ocpp_soap.config import Settings

__all__ = ["BUILT_IN", "SimulationOptions", "Summary", "run_simulation"]

BUILT_IN = ("idle", "charge")
"""The scenarios that are no files of steps."""


def run_simulation(
    options: SimulationOptions,
    settings: Settings,
    *,
    report: Callable[[str], None] = lambda _line: None,
    junit: Path | None = None,
    live: bool = False,
) -> Summary:
    """Simulate until the duration is over or a KeyboardInterrupt comes, which ends sessions in order.

    ``junit``: the file for a scenario's results. ``live``: show a table on the terminal.
    Raises ConfigurationError for options that cannot be simulated.
    """
    with _simulation(options, settings) as simulation:
        first = next(iter(simulation.drivers))
        others = f" and {options.count - 1} more" if options.count > 1 else ""
        report(f"{first}{others} (OCPP {options.version}) calls {options.central_url}")
        with _table(simulation) if live else nullcontext():
            _run(simulation, report)
        if junit is not None and isinstance(simulation, ScenarioSimulation):
            junit.write_bytes(junit_xml(simulation.results))
        return simulation.summary()


def _simulation(options: SimulationOptions, settings: Settings) -> Simulation:
    if options.scenario in BUILT_IN:
        return Simulation(options, settings)
    return ScenarioSimulation(load_scenario(options.scenario), options, settings)


def _table(simulation: Simulation) -> AbstractContextManager[object]:
    from rich.console import Console  # noqa: PLC0415 - only where it is shown

    from ocpp_soap.charge_point.live import LiveTable  # noqa: PLC0415

    return LiveTable(simulation, Console(stderr=True))


def _run(simulation: Simulation, report: Callable[[str], None]) -> None:
    ended = threading.Event()
    try:
        simulation.run(ended)
    except KeyboardInterrupt:
        report("ending: delivering what is queued")
        ended.set()
        simulation.leave()
    try:
        simulation.deliver()
    except KeyboardInterrupt:
        report("ended before everything was delivered")
