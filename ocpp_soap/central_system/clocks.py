"""Times that one process stores for others to wait for, where a clock that was ahead may have stored them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def is_to_come(moment: datetime | None, within: float) -> bool:
    """Whether a time that was set to at most ``within`` seconds ahead is still to come; None has come.

    One that is twice as far ahead has come too: it was set by a clock that has been set back since.
    """
    now = datetime.now(timezone.utc)
    return moment is not None and now < moment <= now + timedelta(seconds=2 * within)
