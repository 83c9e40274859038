"""What is stored of the right to move files, and of the files that stations uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from ocpp_soap.messages import Choice


class Direction(Choice):
    """What a station may do: store files in a folder of its own, or fetch the one file that is there."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The right of one station to move files for one command, until ``expires_at``.

    ``username`` is a random name and that of its folder; of the password only the SHA-256 is kept. ``max_size`` in
    bytes is for all uploaded files together, ``file_name`` what may be fetched.
    """

    username: str
    password_digest: str
    charge_box_identity: str
    direction: str
    created_at: datetime
    expires_at: datetime
    max_size: int
    file_name: str = ""
    command_id: int | None = None

    @property
    def is_valid(self) -> bool:
        """Whether its time is not over."""
        return self.expires_at > datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that a station uploaded for a command; ``size`` in bytes, ``sha256`` in hexadecimal digits."""

    file_id: str
    charge_box_identity: str
    name: str
    size: int
    sha256: str
    received_at: datetime
    username: str
    command_id: int | None = None
