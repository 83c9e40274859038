"""``ocpp-soap call``: one sub-command for each action of a charge point, its options made from the message's fields."""

from __future__ import annotations

import functools
import re
from typing import Any

import click

from ocpp_soap.cli.context import central_system
from ocpp_soap.cli.exits import REFUSED
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record
from ocpp_soap.cli.values import records_option, time_option
from ocpp_soap.errors import NotFound
from ocpp_soap.messages import Action, FieldInfo, Kind, Role, Version, actions, describe

_GOOD = {"Accepted", "Scheduled", None}


class _Actions(click.Group):
    """The actions that a charge point answers."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(action.name for action in actions(Role.CHARGE_POINT))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        wanted = cmd_name.replace("_", "").replace("-", "").lower()
        for action in actions(Role.CHARGE_POINT):
            if action.name.lower() == wanted:
                return _command(action)
        return None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help of an action also without an identity: ``call Reset --help``."""
        if len(args) == 2 and args[1] in ctx.help_option_names and self.get_command(ctx, args[0]):
            args = ["CP001", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Actions, name="call", subcommand_metavar="ACTION [OPTIONS]")
@click.argument("charge_box_identity", metavar="ID")
@click.pass_context
def command(ctx: click.Context, charge_box_identity: str) -> None:
    """Call the charge point ID and print its answer.

    \b
    Examples:
      ocpp-soap call CP001 RemoteStartTransaction --id-tag TAG1 --connector-id 1
      ocpp-soap call CP001 GetConfiguration --json
      ocpp-soap call CP001 ReserveNow --connector-id 1 --expiry-date +1h --id-tag TAG1 --reservation-id 7
      ocpp-soap call CP001 SendLocalList --update-type Full --list-version 3 --local-authorisation-list @list.json
    """
    ctx.obj = charge_box_identity


def _command(action: Action) -> click.Command:
    text = (action.request.__doc__ or "").strip()
    summary = re.sub(r"`*([a-z]+(?:_[a-z]+)+)`*", _as_option, text).replace("``", "")
    if action.since is Version.V15:
        summary += "\n\nOCPP 1.5 only."
    made = click.Command(
        action.name,
        params=[_option(info) for info in describe(action.request)],
        callback=click.pass_context(functools.partial(_call, action)),
        help=summary,
        short_help=summary.split(" (")[0].split("\n")[0],
    )
    timeout = click.FloatRange(min=0, min_open=True)
    click.option("--timeout", type=timeout, help="Seconds to wait for the answer.  [default: calls.timeout]")(made)
    return json_option(made)


def _as_option(name: re.Match[str]) -> str:
    return "--" + name[1].replace("_", "-")


def _call(action: Action, ctx: click.Context, /, timeout: float | None, as_json: bool, **fields: Any) -> None:
    request = action.request(**{info.name: _value(info, fields[info.name]) for info in describe(action.request)})
    with central_system(ctx) as system:
        if system.stations.get(ctx.obj) is None:
            raise NotFound(f"there is no charge point {ctx.obj}; `ocpp-soap stations list` shows all")
        answer = system.commands.call(ctx.obj, request, timeout)
    if as_json:
        print_json(answer)
    else:
        print_record(answer)
    status = getattr(answer, "status", None)
    if not as_json and not describe(action.response):
        print_hint("The charge point has confirmed.")
    if status is not None and str(status) not in _GOOD:
        ctx.exit(REFUSED)


def _value(info: FieldInfo, value: Any) -> Any:
    if value is None:
        return [] if info.many else None
    if info.kind is Kind.CHOICE and info.type is not None:
        return info.type(value)
    return list(value) if isinstance(value, tuple) else value


def _option(info: FieldInfo) -> click.Option:
    repeated = info.many and info.kind is not Kind.RECORD
    return click.Option(
        ["--" + info.name.rstrip("_").replace("_", "-"), info.name],
        type=_type(info),
        metavar=_metavar(info),
        required=not info.optional and not info.many,
        multiple=repeated,
        help=_help(info, repeated),
    )


def _type(info: FieldInfo) -> Any:
    if info.kind is Kind.CHOICE and info.type is not None:
        return click.Choice([str(choice) for choice in info.type], case_sensitive=False)
    if info.kind is Kind.RECORD and info.type is not None:
        return records_option(info.type)
    return {Kind.INTEGER: int, Kind.BOOLEAN: bool, Kind.TIME: time_option}.get(info.kind, str)


def _metavar(info: FieldInfo) -> str | None:
    if info.kind is Kind.CHOICE and info.type is not None:
        return "|".join(str(choice) for choice in info.type)
    return {Kind.TIME: "TIME", Kind.RECORD: "JSON"}.get(info.kind)


def _help(info: FieldInfo, repeated: bool) -> str:
    parts = [info.help] if info.help else []
    if info.kind is Kind.TIME:
        parts.append("2026-01-31T12:00:00Z, now, +1h or -30m")
    if info.kind is Kind.RECORD and info.type is not None:
        names = ", ".join(part.wire_name for part in describe(info.type))
        parts.append(f"a JSON list of objects with {names}, or @FILE with one")
    if info.kind is Kind.CHOICE and info.type is not None:
        later = [str(choice) for choice in info.type if choice.since is Version.V15]
        parts += [f"{', '.join(later)}: OCPP 1.5 only"] if later else []
    limit = info.limit_in(Version.V15)
    if limit is not None:
        parts.append(f"at most {limit} characters")
    if repeated:
        parts.append("may be given several times")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""
