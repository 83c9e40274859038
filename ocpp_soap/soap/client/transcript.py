"""What went over the wire in one call, for journals and logs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ocpp_soap.dispatch import MessageWarning


@dataclass(slots=True)
class Transcript:
    """The envelope sent and the body that came back, without its coding; empty as far as the call did not get.

    ``status`` is the HTTP status, 0 if there was no answer. ``warnings`` is what the answer had to be forgiven.
    """

    request: bytes = b""
    response: bytes = b""
    status: int = 0
    warnings: list[MessageWarning] = field(default_factory=list)
