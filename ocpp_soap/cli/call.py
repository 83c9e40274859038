"""``ocpp-soap call``: one sub-command for each action of a charge point, its options made from the message's fields."""

from __future__ import annotations

import functools
import re
from typing import Any, TextIO

import click

from ocpp_soap.cli.choosing import Chosen, many_options
from ocpp_soap.cli.context import central_system
from ocpp_soap.cli.delivering import answer_of, deliver, exit_code, print_commands
from ocpp_soap.cli.orders import Order, delivery_options
from ocpp_soap.cli.output import json_option, plain, print_hint, print_json, print_record
from ocpp_soap.cli.values import records_option, time_option
from ocpp_soap.messages import Action, FieldInfo, Kind, Role, Version, actions, describe

_EVERYWHERE = "-"
"""Stands for the identity where the stations are named by options."""

_EXAMPLES = {
    "id_tag": "TAG1",
    "key": "HeartBeatInterval",
    "location": "ftp://files.example.com/CP001",
    "value": "600",
    "vendor_id": "com.example",
}
"""Texts of the examples, by field."""


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
        """Show the help of an action also without an identity, which is not there with ``--bulk`` or ``--where``."""
        if len(args) == 2 and args[1] in ctx.help_option_names and self.get_command(ctx, args[0]):
            args = ["CP001", *args]
        position = 0
        while position < len(args) and args[position].partition("=")[0] in ("--bulk", "--where"):
            position += 1 if "=" in args[position] and args[position].startswith("--bulk=") else 2
        if 0 < position < len(args):
            args = [*args[:position], _EVERYWHERE, *args[position:]]
        return super().parse_args(ctx, args)


@click.group(cls=_Actions, name="call", subcommand_metavar="ACTION [OPTIONS]")
@click.argument("charge_box_identity", metavar="[ID]")
@many_options
@click.pass_context
def command(ctx: click.Context, charge_box_identity: str, bulk: TextIO | None, conditions: tuple[str, ...]) -> None:
    """Call the charge point ID, or many of them, and print what was answered.

    A call is kept as a command: `ocpp-soap commands list` shows it. With --no-wait the central system delivers it,
    tries again when the charge point cannot be reached, and nobody has to wait.

    \b
    Examples:
      ocpp-soap call CP001 RemoteStartTransaction --id-tag TAG1 --connector-id 1
      ocpp-soap call CP001 GetConfiguration --json
      ocpp-soap call CP001 ReserveNow --connector-id 1 --expiry-date +1h --id-tag TAG1 --reservation-id 7
      ocpp-soap call CP001 SendLocalList --update-type Full --list-version 3 --local-authorisation-list @list.json
      ocpp-soap call CP001 Reset --type Soft --deliver on_next_contact --deadline +7d
      ocpp-soap call --where vendor=Acme ChangeConfiguration --key HeartBeatInterval --value 600
    """
    if (charge_box_identity == _EVERYWHERE) != (bulk is not None or bool(conditions)):
        raise click.UsageError("name the charge points either by their ID or by --bulk or --where")
    identities = () if charge_box_identity == _EVERYWHERE else (charge_box_identity,)
    ctx.obj = Chosen(identities, bulk, conditions)


def _command(action: Action) -> click.Command:
    text = (action.request.__doc__ or "").strip()
    summary = re.sub(r"`*([a-z]+(?:_[a-z]+)+)`*", _as_option, text).replace("``", "")
    if action.since is Version.V15:
        summary += "\n\nOCPP 1.5 only."
    help_text = f"{summary}\n\n\b\nExample:\n  {_example(action)}"
    made = click.Command(
        action.name,
        params=[_option(info) for info in describe(action.request)],
        callback=click.pass_context(functools.partial(_call, action)),
        help=help_text,
        short_help=summary.split(" (")[0].split("\n")[0],
    )
    return json_option(delivery_options(made))


def _example(action: Action) -> str:
    """A line that calls CP001 with what the action cannot do without."""
    needed = [info for info in describe(action.request) if not info.optional and (not info.many or info.type)]
    options = [f" {_option_name(info)} {_example_of(info)}" for info in needed]
    return f"ocpp-soap call CP001 {action.name}{''.join(options)}"


def _example_of(info: FieldInfo) -> str:
    if info.kind is Kind.CHOICE and info.type is not None:
        return [str(choice) for choice in info.type][-1]
    return _EXAMPLES.get(info.name) or {Kind.INTEGER: "1", Kind.TIME: "+1h", Kind.RECORD: "@list.json"}[info.kind]


def _option_name(info: FieldInfo) -> str:
    return "--" + info.name.rstrip("_").replace("_", "-")


def _as_option(name: re.Match[str]) -> str:
    return "--" + name[1].replace("_", "-")


def _call(action: Action, ctx: click.Context, /, as_json: bool, **given: Any) -> None:
    fields = {info.name: _value(info, given.pop(info.name)) for info in describe(action.request)}
    chosen: Chosen = ctx.obj
    order = Order(**given)
    with central_system(ctx) as system:
        stations = chosen.stations(system)
        commands = order.create(system, action, action.request(**fields), stations)
        if order.is_left_to_others:
            print_commands(commands, as_json)
            print_hint("The central system delivers; `ocpp-soap commands list` shows how far it came.")
            return
        commands = deliver(system, commands, show_progress=not chosen.is_one)
    if chosen.is_one:
        _print_answer(action, answer_of(commands[0]), as_json)
    else:
        print_commands(commands, as_json)
    ctx.exit(exit_code(commands))


def _print_answer(action: Action, answer: Any, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print_record(answer)
        if not describe(action.response):
            print_hint("The charge point has confirmed.")
        elif all(told in (None, []) for told in plain(answer).values()):
            print_hint("The charge point has answered, and told nothing.")


def _value(info: FieldInfo, value: Any) -> Any:
    if value is None:
        return [] if info.many else None
    if info.kind is Kind.CHOICE and info.type is not None:
        return info.type(value)
    return list(value) if isinstance(value, tuple) else value


def _option(info: FieldInfo) -> click.Option:
    repeated = info.many and info.kind is not Kind.RECORD
    return click.Option(
        [_option_name(info), info.name],
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
