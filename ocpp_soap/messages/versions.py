"""The two protocol versions and the two roles that a message can be addressed to."""

from __future__ import annotations

from enum import Enum


class Version(str, Enum):
    """A version of OCPP that is spoken as SOAP."""

    V12 = "1.2"
    V15 = "1.5"

    def __str__(self) -> str:
        return self.value

    def has(self, since: Version) -> bool:
        """Tell whether something that exists since ``since`` exists in this version."""
        return self is Version.V15 or since is Version.V12


class Role(str, Enum):
    """The side that receives a request."""

    CENTRAL_SYSTEM = "central_system"
    CHARGE_POINT = "charge_point"

    def __str__(self) -> str:
        return self.value

    @property
    def title(self) -> str:  # type: ignore[override]
        """The name of the role's service without its ending: ``CentralSystem`` or ``ChargePoint``."""
        return "CentralSystem" if self is Role.CENTRAL_SYSTEM else "ChargePoint"
