"""Which charge points a command is for: some named, those of a file, or those of which conditions hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.selection import NAMES, read_conditions, select_stations
from ocpp_soap.errors import NotFound

_Made = TypeVar("_Made", bound=Callable[..., Any] | click.Command)


@dataclass(frozen=True)
class Chosen:
    """The charge points named, those of the lines of a file, or, of these or of all, those that meet conditions."""

    identities: tuple[str, ...] = ()
    bulk: TextIO | None = None
    conditions: tuple[str, ...] = ()

    @property
    def is_one(self) -> bool:
        """Whether it is one charge point, named by its identity."""
        return len(self.identities) == 1 and self.bulk is None and not self.conditions

    def stations(self, system: CentralSystem) -> list[str]:
        """Their identities. Raises NotFound if none was chosen."""
        named = [name.strip() for name in (*self.identities, *self._lines())]
        found = [name for name in named if name and not name.startswith("#")]
        if self.conditions:
            try:
                conditions = read_conditions(self.conditions)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint="--where") from None
            meeting = [s.charge_box_identity for s in select_stations(system.stations, system.labels, conditions)]
            among = set(meeting)
            found = [name for name in found if name in among] if self.identities or self.bulk else meeting
        if not found:
            raise NotFound("no charge point was chosen; `ocpp-soap stations list` shows those known")
        return found

    def _lines(self) -> list[str]:
        try:
            return list(self.bulk or ())
        except UnicodeDecodeError as error:
            raise click.BadParameter(f"expected a text in UTF-8: {error}", param_hint="--bulk") from None


def many_options(made: _Made) -> _Made:
    """Add ``--bulk`` and ``--where``."""
    click.option(
        "--where",
        "conditions",
        multiple=True,
        metavar="FIELD=VALUE",
        help=f"Those of which that holds; FIELD is {', '.join(NAMES)}; * stands for any text.",
    )(made)
    click.option(
        "--bulk", type=click.File(encoding="utf-8-sig"), metavar="FILE", help="Those of FILE, one ID in each line."
    )(made)
    return made


def chosen_stations(function: _Made) -> _Made:
    """Add the arguments and options of a :class:`Chosen`: identities, ``--bulk``, ``--where``."""
    return click.argument("identities", metavar="[ID]...", nargs=-1)(many_options(function))
