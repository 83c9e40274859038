"""What every bridge does."""

from __future__ import annotations

from typing import Protocol


class Bridge(Protocol):
    """The hardware side: it writes documents into the exchange and carries out the commands it finds there."""

    def answers(self) -> bool:
        """Tell whether the controller answers; asked until it does. May raise: it does not."""

    def poll(self) -> None:
        """Look at the hardware and the exchange; called again and again by the main loop."""

    def close(self) -> None:
        """Let go of the hardware."""


class StoreBridge:
    """The hardware side is another program, which writes into the same store."""

    def answers(self) -> bool:
        """The store is there, or the daemon would not be."""
        return True

    def poll(self) -> None:
        """There is nothing to do."""

    def close(self) -> None:
        """There is nothing to let go of."""
