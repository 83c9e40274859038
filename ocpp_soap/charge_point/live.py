"""The live table of a simulation on a terminal."""

from __future__ import annotations

import threading
from collections import Counter

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ocpp_soap.charge_point.fleet import Simulation
from ocpp_soap.charge_point.station import Station


class LiveTable:
    """Shows a simulation on ``console`` once a second while it is used as a context manager."""

    def __init__(self, simulation: Simulation, console: Console) -> None:
        self._simulation = simulation
        self._before = 0
        self._live = Live(console=console, get_renderable=self._table, auto_refresh=False)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="live-table", daemon=True)

    def __enter__(self) -> LiveTable:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._live.refresh()
        self._live.stop()

    def _refresh(self) -> None:
        while not self._ended.wait(1):
            self._live.refresh()

    def _table(self) -> Table:
        summary = self._simulation.summary()
        states = Counter(state_of(driver.station) for driver in self._simulation.drivers.values())
        per_second, self._before = summary.messages - self._before, summary.messages
        table = Table(title=f"{summary.stations} charge points, {summary.seconds:.0f} s")
        for heading in ("stations", "sessions", "messages", "latency"):
            table.add_column(heading)
        counts = {"answered": summary.messages, "last second": per_second, "errors": summary.errors}
        table.add_row(
            "\n".join(f"{state}: {number}" for state, number in sorted(states.items())),
            f"started: {summary.sessions}\ndelivered: {summary.delivered}",
            "\n".join(f"{name}: {number}" for name, number in (counts | {"queued": summary.waiting}).items()),
            f"p50: {summary.latency_p50} ms\np95: {summary.latency_p95} ms",
        )
        return table


def state_of(station: Station) -> str:
    """One word for what a station is doing."""
    if not station.registration.accepted:
        return "booting"
    if not station.outbox.online:
        return "offline"
    if station.has_transaction:
        return "charging"
    return "idle"
