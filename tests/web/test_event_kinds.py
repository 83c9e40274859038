"""docs/events.md lists every event that there is."""

from __future__ import annotations

import re
from pathlib import Path

import ocpp_soap
from ocpp_soap.central_system.command_queue.record import OPEN_STATES, CommandState
from ocpp_soap.central_system.reservation import ReservationState

SUBJECTS = "station|connector|transaction|list|configuration|file|firmware|diagnostics"
PACKAGE = Path(ocpp_soap.__file__).parent / "central_system"


def test_the_page_lists_every_kind() -> None:
    code = "\n".join(module.read_text("utf-8") for module in PACKAGE.rglob("*.py"))
    kinds = set(re.findall(rf'"((?:{SUBJECTS})\.[a-z_]+)"', code))
    kinds |= {f"command.{state}" for state in CommandState if state not in OPEN_STATES}
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
    assert len(kinds) >= 20
    assert sorted(kind for kind in kinds if f"`{kind}`" not in page) == []
    states = [state for state in ReservationState if state is not ReservationState.PENDING]
    assert [state for state in states if f"`.{state}`" not in page and f"`reservation.{state}`" not in page] == []
