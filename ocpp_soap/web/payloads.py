"""``log.payload``: the envelopes of charge points' requests and of our answers, in the log."""

from __future__ import annotations

import structlog

from ocpp_soap.dispatch import Exchanged

_log = structlog.get_logger("ocpp_soap.payload")


def log_payload(exchanged: Exchanged) -> None:
    """Log a request and its answer, whole; what is not UTF-8 in them is shown as escapes."""
    _log.info(
        "request",
        charge_point=exchanged.charge_box_identity,
        action=exchanged.action,
        peer=exchanged.peer,
        outcome=exchanged.outcome,
        request=exchanged.request.decode("utf-8", "backslashreplace"),
        response=exchanged.response.decode("utf-8", "backslashreplace"),
    )
