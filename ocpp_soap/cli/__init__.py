"""The command line ``ocpp-soap``. A command's module is imported when that command is used, so help is quick."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ocpp_soap import __version__
from ocpp_soap.cli.exits import EXIT_CODES, ending_in_a_sentence
from ocpp_soap.cli.output import escape_what_stdout_lacks, open_what_is_closed

CONFIG_VARIABLE = "OCPP_SOAP_CONFIG"

COMMANDS = {
    "serve": "Run the central system.",
    "simulate": "Run simulated charge points.",
    "chargebox": "Run a charge box between a controller and a central system.",
    "call": "Call a charge point: start, stop, reset, configure ….",
    "commands": "List, show and cancel the commands to charge points.",
    "stations": "List, show, allow and block charge points.",
    "tags": "List, add, block and remove idTags.",
    "labels": "Give charge points labels, to mean several of them by one name.",
    "lists": "Synchronise the local authorisation lists of charge points.",
    "reservations": "Reserve connectors, list reservations and cancel them.",
    "configuration": "Read, compare and change the keys of charge points.",
    "files": "Get diagnostics from charge points and offer them firmware.",
    "ftp": "Serve diagnostics and firmware files by FTP and FTPS.",
    "transactions": "List, show and export transactions.",
    "messages": "See what was said, and replay what was not understood.",
    "storage": "Check, back up and move what is stored.",
    "webhooks": "Send events to other systems, and see what these did not take.",
    "keys": "Make, list and revoke the keys of the REST API.",
}


class _Commands(click.Group):
    """Finds the command ``NAME`` as ``ocpp_soap.cli.NAME.command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ocpp_soap.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        open_what_is_closed()
        escape_what_stdout_lacks()
        for argument in args:
            if not _is_text(argument):
                raise click.UsageError(f"{argument!r} is not UTF-8")
        with ending_in_a_sentence():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with ending_in_a_sentence():
            return super().invoke(ctx)


def _is_text(argument: str) -> bool:
    """Python keeps bytes that are no UTF-8 as surrogates, which no store takes."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


_EPILOG = f"""
\b
Examples:
  ocpp-soap serve
  ocpp-soap simulate --central http://127.0.0.1:9220/Ocpp/CentralSystemService --scenario charge --duration 20
  ocpp-soap --config /etc/ocpp-soap.yaml stations list

\b
Exit codes:
{EXIT_CODES}
"""


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    type=click.Path(readable=False, path_type=Path),
    envvar=CONFIG_VARIABLE,
    show_envvar=True,
    help="YAML file with the settings that differ from the defaults.",
)
@click.version_option(__version__, prog_name="ocpp-soap")
@click.pass_context
def main(ctx: click.Context, config_file: Path | None) -> None:
    """OCPP 1.2 and 1.5 over SOAP: a central system and charge points."""
    ctx.obj = config_file
