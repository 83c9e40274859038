"""``ocpp-soap lists``: the local authorisation lists of charge points."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.local_list import LONGEST_TAG, ListState, LocalList
from ocpp_soap.central_system.records import every
from ocpp_soap.cli.bounds import COUNT
from ocpp_soap.cli.choosing import Chosen, chosen_stations
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.exits import NO_ANSWER, REFUSED
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record, print_table
from ocpp_soap.errors import OcppSoapError

AT_ONCE = 32


@click.group(name="lists")
def command() -> None:
    """Synchronise the local authorisation lists of charge points with the idTags."""


@command.command()
@chosen_stations
@click.option("--full", is_flag=True, help="Send the whole list, whatever the charge point holds.")
@click.option("--chunk", type=COUNT, help="The most entries in one message.  [default: all]")
@json_option
@click.pass_context
def sync(
    ctx: click.Context, /, bulk: TextIO | None, full: bool, chunk: int | None, as_json: bool, **chosen: Any
) -> None:
    """Make lists equal to the idTags: send what was added, changed and removed, or the whole list.

    A tag of more than 20 characters is left out and named: no list can hold it.

    \b
    Examples:
      ocpp-soap lists sync CP001
      ocpp-soap lists sync --where vendor=Acme --chunk 500
    """
    with central_system(ctx) as system:
        stations = Chosen(bulk=bulk, **chosen).stations(system)
        system.stations.check_known(stations)
        results = _sync_all(system, stations, full=full, chunk=chunk)
        left_out = system.local_lists.left_out()
    in_sync, states = ListState.IN_SYNC.value, {result["state"] for result in results}
    if as_json:
        print_json([{**result, "left_out": left_out if result["state"] == in_sync else []} for result in results])
    else:
        columns = ("ID", "STATE", "VERSION", "ENTRIES", "REASON")
        print_table(columns, (tuple(result.values()) for result in results), nothing="No charge point was chosen.")
        if left_out and in_sync in states:
            print_hint(f"Left out, since longer than {LONGEST_TAG} characters: {', '.join(left_out)}")
    ctx.exit(NO_ANSWER if "no answer" in states else REFUSED if ListState.FAILED.value in states else 0)


@command.command()
@click.argument("charge_box_identity", metavar="ID")
@json_option
@click.pass_context
def show(ctx: click.Context, charge_box_identity: str, as_json: bool) -> None:
    """Show what the list of a charge point holds as last known, and what a synchronisation would change.

    \b
    Example:
      ocpp-soap lists show CP001
    """
    with central_system(ctx) as system:
        existing(system.stations.get(charge_box_identity), f"charge point {charge_box_identity}", "stations list")
        known = system.local_lists.get(charge_box_identity) or LocalList(charge_box_identity=charge_box_identity)
        difference = system.local_lists.difference(charge_box_identity)
        left_out = system.local_lists.left_out()
    report = {
        **_result(known),
        "synced_at": known.synced_at,
        "to_add": [entry.id_tag for entry in difference.added],
        "to_change": [entry.id_tag for entry in difference.changed],
        "to_remove": [entry.id_tag for entry in difference.removed],
        "left_out": left_out,
    }
    print_record(report, as_json)


@command.command(name="list")
@click.option("--state", type=click.Choice([str(state) for state in ListState]), help="Only those in this state.")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, state: str | None, limit: int, as_json: bool) -> None:
    """List the local authorisation lists by charge point.

    \b
    Example:
      ocpp-soap lists list --state failed
    """
    with central_system(ctx) as system:
        found = [_result(known) for known in first(every(system.local_lists.list, state=state), limit)]
    if as_json:
        print_json(found)
        return
    rows = (tuple(result.values()) for result in found)
    print_table(
        ("ID", "STATE", "VERSION", "ENTRIES", "REASON"), rows, nothing="No list was synchronised yet.", filters=[state]
    )


def _sync_all(system: CentralSystem, stations: Sequence[str], *, full: bool, chunk: int | None) -> list[dict[str, Any]]:
    def sync_one(station: str) -> dict[str, Any]:
        try:
            return _result(system.local_lists.sync(station, full=full, chunk=chunk))
        except OcppSoapError as error:
            known = system.local_lists.get(station) or LocalList(charge_box_identity=station)
            return {**_result(known), "state": "no answer", "reason": str(error)}

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(sync_one, stations))


def _result(known: LocalList) -> dict[str, Any]:
    return {
        "charge_box_identity": known.charge_box_identity,
        "state": known.state,
        "version": known.version,
        "entries": len(known.entries),
        "reason": known.reason or None,
    }
