"""What was measured, as a table, and each goal of it as met or missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median

CEILING, SPYNE, FILE, MONGODB = "ceiling", "stock Spyne", "this, file", "this, MongoDB"
LOGGED = "this, MongoDB+log"
DURABLE = "ceiling, durable"

LEAST_RATIO = {
    (FILE, "Heartbeat"): 0.50,
    (FILE, "Authorize"): 0.40,
    (FILE, "StatusNotification"): 0.30,
    (FILE, "MeterValues"): 0.30,
    (MONGODB, "Heartbeat"): 0.50,
    (MONGODB, "MeterValues"): 0.20,
    (LOGGED, "Heartbeat"): 0.50,
    (LOGGED, "MeterValues"): 0.20,
}
LEAST_OF_SPYNE = {"Heartbeat": 3.0, "Authorize": 3.0}
LEAST_OF_BARE_STORE = 0.8
LONGEST_P99 = 25.0


@dataclass(frozen=True)
class Figures:
    """One run of wrk against one server; times in milliseconds, CPU in µs per request, memory in MiB."""

    rate: float
    p50: float
    p99: float
    cpu: float
    rss: float
    errors: int


Results = dict[str, dict[str, Figures]]


def middle(figures: list[Figures]) -> Figures:
    """The median of each figure."""
    rows = [asdict(one) for one in figures]
    return Figures(**{key: median(row[key] for row in rows) for key in rows[0]})


def show(action: str, by_server: dict[str, Figures]) -> None:
    """Print the rows of one action."""
    print(f"\n{action}")
    print(f"  {'':17} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'CPU µs':>7} {'RSS MiB':>8} {'ratio':>6} {'of CPU':>6}")
    ceiling = by_server[CEILING]
    for name, one in by_server.items():
        errors = f"  {one.errors} errors" if one.errors else ""
        print(
            f"  {name:17} {one.rate:8.0f} {one.p50:7.2f} {one.p99:7.2f} {one.cpu:7.0f} {one.rss:8.0f}"
            f" {one.rate / ceiling.rate:6.2f} {ceiling.cpu / one.cpu:6.2f}{errors}",
            flush=True,
        )


def goal(what: str, found: float, wanted: float, unit: str = "", *, at_most: bool = False) -> None:
    """Print one goal and whether it was met."""
    met = found <= wanted if at_most else found >= wanted
    sign = "≤" if at_most else "≥"
    print(f"  {'met   ' if met else 'MISSED'} {what}: {found:.3g}{unit} (goal {sign} {wanted:g}{unit})", flush=True)


def goals(results: Results) -> None:
    """Print the goals that one run of all systems decides."""
    print("\nGoals, as ratios to the ceiling in this run:")
    for (server, action), wanted in LEAST_RATIO.items():
        if server in results.get(action, {}):
            rows = results[action]
            goal(f"{action}, {server}", rows[server].rate / rows[CEILING].rate, wanted)
    for action, wanted in LEAST_OF_SPYNE.items():
        if {SPYNE, FILE} <= results.get(action, {}).keys():
            rows = results[action]
            goal(f"{action}, {FILE} to stock Spyne", rows[FILE].rate / rows[SPYNE].rate, wanted)
