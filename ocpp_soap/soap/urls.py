"""The URLs of a service: three bases for each role, each with or without the identity of a charge box appended."""

from __future__ import annotations

from typing import NamedTuple

from ocpp_soap.messages import Role, Version


class Place(NamedTuple):
    """Where a request was sent: the version and the identity that the URL names, if it does."""

    version: Version | None
    identity: str


def base_path(role: Role, version: Version | None = None) -> str:
    """``/Ocpp/CentralSystemService``, or ``/Ocpp/1.5/CentralSystemService`` for a version."""
    return f"/Ocpp/{version}/{role.title}Service" if version else f"/Ocpp/{role.title}Service"


class ServiceUrls:
    """Reads the paths of one role."""

    def __init__(self, role: Role) -> None:
        versions: tuple[Version | None, ...] = (None, *Version)
        self.paths = tuple(base_path(role, version) for version in versions)
        self._exact = {path: Place(version, "") for path, version in zip(self.paths, versions, strict=True)}
        self._prefixes = tuple((f"{path}/", version) for path, version in zip(self.paths, versions, strict=True))

    def place(self, path: str) -> Place | None:
        """What a path says, or None if it is not one of this role's. Slashes around the identity change nothing."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        for prefix, version in self._prefixes:
            if path.startswith(prefix):
                return Place(version, path[len(prefix) :].strip("/"))
        return None
