"""``ocpp-soap stations``: the charge points that the central system knows."""

from __future__ import annotations

from typing import Any

import click

from ocpp_soap.central_system.overview import StationOverview, overview
from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.stations import Registration, Station
from ocpp_soap.cli.author import author
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.meter_text import meter_lines
from ocpp_soap.cli.output import json_option, plain, print_json, print_record, print_table
from ocpp_soap.cli.station_rules import identity_argument, profile, require

METER_LINES = 8
"""Latest meter values shown as text; --json has all of the latest messages."""


@click.group(name="stations")
def command() -> None:
    """List, show, allow and block charge points."""


command.add_command(require)
command.add_command(profile)


@command.command(name="list")
@click.option("--registration", type=click.Choice(["accepted", "held", "blocked"]), help="Only these.")
@click.option("--vendor", help="Only those of this chargePointVendor, exactly as they sent it.")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, registration: str | None, vendor: str | None, limit: int, as_json: bool) -> None:
    """List the charge points by identity.

    \b
    Examples:
      ocpp-soap stations list --registration held
      ocpp-soap stations list --vendor "Mennekes" --limit 1000 --json
    """
    with central_system(ctx) as system:
        stations = first(every(system.stations.list, registration=registration, vendor=vendor), limit)
    if as_json:
        print_json(stations)
        return
    if registration == Registration.HELD:
        _print_held(stations)
        return
    columns = ("ID", "REGISTRATION", "OCPP", "VENDOR", "MODEL", "LAST SEEN", "CALLED AT")
    rows = (
        (s.charge_box_identity, s.registration, s.version, s.vendor, s.model, s.last_seen, s.callback_url or None)
        for s in stations
    )
    print_table(
        columns,
        rows,
        nothing="No charge points yet. One appears with its first message.",
        filters=(registration, vendor),
    )


@command.command()
@limit_option
@json_option
@click.pass_context
def silent(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List the charge points that have gone silent (watch.silent_after_heartbeats), the longest silent first.

    \b
    Example:
      ocpp-soap stations silent
    """
    with central_system(ctx) as system:
        silences = first(every(system.silences.list), limit)
    if as_json:
        print_json(silences)
        return
    rows = ((s.charge_box_identity, s.since, s.found_at) for s in silences)
    print_table(("ID", "LAST SEEN", "FOUND SILENT"), rows, nothing="No charge point is silent.")


@command.command()
@identity_argument
@json_option
@click.pass_context
def show(ctx: click.Context, charge_box_identity: str, as_json: bool) -> None:
    """Show what is known of a charge point: boot data, addresses, connectors, latest meter values, warnings.

    \b
    Examples:
      ocpp-soap stations show CP001
      ocpp-soap stations show CP001 --json
    """
    with central_system(ctx) as system:
        found = overview(system, charge_box_identity)
    report = _report(existing(found, f"charge point {charge_box_identity}", "stations list"))
    if as_json:
        print_json(report)
    else:
        print_record(station_text(report))


@command.command(name="set-url")
@identity_argument
@click.argument("url")
@json_option
@click.pass_context
def set_url(ctx: click.Context, charge_box_identity: str, url: str, as_json: bool) -> None:
    """Set the URL of the charge point's own service; "" goes back to what it says itself.

    \b
    Examples:
      ocpp-soap stations set-url CP001 http://10.0.3.7:8080/Ocpp/ChargePointService
      ocpp-soap stations set-url CP001 ""
    """
    if url and not url.startswith(("http://", "https://")):
        raise click.UsageError(f"{url!r} is no URL of a charge point; expected http://… or https://…")
    with central_system(ctx) as system:
        station = system.stations.set_url(charge_box_identity, url)
    print_record(existing(station, f"charge point {charge_box_identity}", "stations list"), as_json)


@command.command(name="set-heartbeat-interval")
@identity_argument
@click.argument("seconds", type=click.IntRange(0, 86_400))
@json_option
@click.pass_context
def set_heartbeat_interval(ctx: click.Context, charge_box_identity: str, seconds: int, as_json: bool) -> None:
    """Set the heartbeat interval that the charge point gets at its next boot; 0: the general one.

    \b
    Example:
      ocpp-soap stations set-heartbeat-interval CP001 900
    """
    with central_system(ctx) as system:
        station = system.stations.set_heartbeat_interval(charge_box_identity, seconds or None)
    print_record(existing(station, f"charge point {charge_box_identity}", "stations list"), as_json)


@command.command()
@identity_argument
@json_option
@click.pass_context
def allow(ctx: click.Context, charge_box_identity: str, as_json: bool) -> None:
    """Accept a charge point: one that is held or blocked, or that was never seen.

    \b
    Example:
      ocpp-soap stations allow CP001
    """
    with central_system(ctx) as system:
        station = system.approval.approve(charge_box_identity, by=author())
    print_record(station, as_json)


@command.command()
@identity_argument
@json_option
@click.pass_context
def block(ctx: click.Context, charge_box_identity: str, as_json: bool) -> None:
    """Refuse a charge point. Starts, stops and meter values that it sends are still recorded.

    \b
    Example:
      ocpp-soap stations block CP001
    """
    with central_system(ctx) as system:
        station = system.approval.refuse(charge_box_identity, by=author())
    print_record(station, as_json)


def _print_held(stations: list[Station]) -> None:
    columns = ("ID", "OCPP", "VENDOR", "MODEL", "ADDRESS", "FIRST SEEN", "LAST SEEN")
    rows = (
        (s.charge_box_identity, s.version, s.vendor, s.model, s.peer or None, s.registered_at, s.last_seen)
        for s in stations
    )
    print_table(columns, rows, nothing="No charge point waits for a decision.")


def _report(found: StationOverview) -> dict[str, Any]:
    """The overview with the station's own fields on top and the breaches of the specification as ``warnings``."""
    document = plain(found)
    station = document.pop("station")
    warnings = station.pop("oddities")
    own = {"callback_url": found.station.callback_url, "clock_skew": found.clock_skew}
    return {**station, **own, **document, "warnings": warnings}


def station_text(report: dict[str, Any]) -> dict[str, Any]:
    """The report with one line for each connector, open transaction, meter value and warning."""
    meter_values = [
        f"connector {record['connector_id']}, {line}"
        for record in report["meter_values"]
        for line in meter_lines(record["samples"])
    ]
    return {
        **report,
        "clock_skew": _clock(report["clock_skew"]),
        "connectors": [_without(connector, "charge_box_identity", "version") for connector in report["connectors"]],
        "open_transactions": [
            {name: transaction[name] for name in ("transaction_id", "connector_id", "id_tag", "start_time")}
            for transaction in report["open_transactions"]
        ],
        "meter_values": meter_values[:METER_LINES],
        "firmware": _without(report["firmware"] or {}, "charge_box_identity", "kind", "version"),
        "diagnostics": _without(report["diagnostics"] or {}, "charge_box_identity", "kind", "version"),
        "warnings": list(report["warnings"].values()),
    }


def _clock(skew: float | None) -> str | None:
    return None if skew is None else f"{abs(skew)} s {'behind' if skew < 0 else 'ahead'}"


def _without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}
