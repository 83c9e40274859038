"""``ocpp-soap serve``: the central system under granian, one process for each worker."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import click
import structlog

from ocpp_soap import config, log
from ocpp_soap.cli.output import print_hint
from ocpp_soap.cli.tls_files import check_server
from ocpp_soap.cli.workers import serve
from ocpp_soap.dispatch import load_handlers, load_hook
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Role
from ocpp_soap.paths import bundled
from ocpp_soap.settings import ServerSettings
from ocpp_soap.soap.urls import base_path

PATH = base_path(Role.CENTRAL_SYSTEM)
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104


@click.command()
@click.option("--host", help="Address to listen on.  [default: server.host]")
@click.option("--port", type=click.IntRange(1, 65535), help="TCP port to listen on.  [default: server.port]")
@click.option("--workers", type=click.IntRange(min=0), help="Worker processes.  [default: server.workers]")
@click.option(
    "--check", is_flag=True, help="Only check the settings, the handler files and whether the address is free."
)
@click.pass_context
def command(ctx: click.Context, /, *, check: bool, **options: Any) -> None:
    """Run the central system until SIGTERM or Ctrl-C.

    \b
    Examples:
      ocpp-soap serve
      ocpp-soap --config /etc/ocpp-soap.yaml serve --host 127.0.0.1 --port 9221 --workers 4
    """
    prefix = f"{config.ENVIRONMENT_PREFIX}SERVER__"
    given = {prefix + name.upper(): str(value) for name, value in options.items() if value is not None}
    settings = config.load(ctx.find_root().obj, config.overridden(os.environ, given))
    log.configure(settings.log)
    check_server(settings.server)
    address = _ip_address(settings.server)
    if check:
        load_handlers(Role.CENTRAL_SYSTEM, [*settings.handlers.paths, bundled("handlers")])
        load_hook("wake_up", settings.handlers.paths)
    else:
        serve(settings, address, announce=lambda: _announce(ctx, settings))


def _ip_address(server: ServerSettings) -> str:
    """The address to listen on, after trying it: what is wrong with it is said before each worker would fail on it."""
    try:
        family, _, _, _, place = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"server.host {server.host}, server.port {server.port}: cannot be listened on: {reason}; "
            "choose another in the settings, or with --host and --port"
        ) from None
    return str(place[0])


def _announce(ctx: click.Context, settings: config.Settings) -> None:
    """Say where charge points are to call, and to a person also what can be tried next."""
    server = settings.server
    scheme = "https" if server.tls_certificate else "http"
    base = server.public_url.rstrip("/") or f"{scheme}://{_reachable_host(server.host)}:{server.port}"
    if settings.log.format == "json":
        structlog.get_logger("ocpp_soap.cli").info("central system", url=base + PATH)
        return
    here = f"{scheme}://{'127.0.0.1' if server.host in _EVERY_ADDRESS else _in_url(server.host)}:{server.port}"
    file = ctx.find_root().obj
    program = shlex.join([*_program(), *(["--config", str(file)] if file else [])])
    print_hint(
        f"""
Central system for OCPP 1.2 and 1.5 over SOAP. The URL to configure in a charge point:

  {base}{PATH}

Next, in another terminal, a simulated charge point that charges for 20 seconds:

  {program} tags add TAG1
  {program} simulate --central {here}{PATH} --scenario charge --id-tag TAG1 --duration 20
  {program} transactions list
"""
    )


def _program() -> list[str]:
    """How this program was called."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return [sys.executable, "-m", "ocpp_soap"]
    found = shutil.which(called.name)
    return [called.name if found and Path(found).samefile(called) else str(called)]


def _reachable_host(host: str) -> str:
    """The address under which other machines reach this one, as far as it can be told."""
    if host not in _EVERY_ADDRESS:
        return _in_url(host)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
