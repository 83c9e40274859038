"""Writing to disk what a station keeps, later where the store cannot do it now."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import structlog

from ocpp_soap.errors import StoreUnavailable

_log = structlog.get_logger("ocpp_soap.charge_point")


class Keeping:
    """The writes of one station. It goes on from memory where they fail: energy flows, whether or not a disk is full.

    Not safe without the station's lock.
    """

    def __init__(self, charge_box_identity: str) -> None:
        self._charge_box_identity = charge_box_identity
        self._owed: dict[Hashable, Callable[[], object]] = {}
        self._failing = False

    def write(self, place: Hashable, operation: Callable[[], object]) -> None:
        """Write, after all that is owed; what cannot be done now is owed, of each ``place`` the last operation."""
        self._owed.pop(place, None)
        self._owed[place] = operation
        self.settle()

    def settle(self) -> bool:
        """Write what is owed; False: it cannot be done now."""
        while self._owed:
            place, write = next(iter(self._owed.items()))
            try:
                write()
            except StoreUnavailable as error:
                if not self._failing:
                    self._failing = True
                    self._tell("the station's state cannot be written and is kept in memory", reason=str(error))
                return False
            except BaseException:
                del self._owed[place]
                raise
            del self._owed[place]
        if self._failing:
            self._failing = False
            self._tell("the station's state is written again")
        return True

    def _tell(self, event: str, **more: str) -> None:
        _log.warning(event, charge_box_identity=self._charge_box_identity, **more)
