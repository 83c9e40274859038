"""``ocpp-soap ftp``: the FTP and FTPS server of the file area."""

from __future__ import annotations

import signal
import threading

import click

from ocpp_soap.cli.context import central_system
from ocpp_soap.cli.output import print_hint
from ocpp_soap.cli.tls_files import check_ftp
from ocpp_soap.errors import ConfigurationError


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve diagnostics and firmware files by FTP, and by FTPS with ftp.certificate, until SIGTERM or Ctrl-C.

    \b
    Example:
      ocpp-soap ftp
    """
    try:
        from ocpp_soap.central_system.files.ftp import FtpService  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(f"{error.name} is missing: install it with `pip install ocpp-soap[ftp]`") from None
    stop = threading.Event()
    with central_system(ctx) as system:
        chosen = system.settings.ftp
        check_ftp(chosen)
        try:
            service = FtpService(system.files, chosen)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"ftp: {chosen.host}:{chosen.port} cannot be served: {error}") from None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        print_hint(f"FTP on port {', '.join(map(str, service.ports))}; files are in {system.settings.files.path}.")
        service.run(stop)
