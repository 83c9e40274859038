"""Answers that a station can be given whatever a tag holds and whatever a handler of one's own says of it.

A station does not repeat a start or a stop that got a fault, so nothing that is said of a tag may make one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import structlog

from ocpp_soap.dispatch import Call, MessageWarning
from ocpp_soap.messages import AuthorizationStatus, AuthorizeResponse, IdTagInfo, Version
from ocpp_soap.messages.records import ID_TOKEN

_log = structlog.get_logger("ocpp_soap.central_system")
_PARENT_LIMITS = {Version.V12: ID_TOKEN.max_length_12 or ID_TOKEN.max_length, Version.V15: ID_TOKEN.max_length}


def sound(response: Any) -> IdTagInfo:
    """What an Authorize handler said of a tag, with a zone for its date.

    Raises TypeError or ValueError for what is no answer to Authorize.
    """
    if not isinstance(response, AuthorizeResponse) or not isinstance(response.id_tag_info, IdTagInfo):
        raise TypeError(f"handle of Authorize returned {response!r}; expected an AuthorizeResponse with an IdTagInfo")
    info = response.id_tag_info
    if not isinstance(info.parent_id_tag, (str, type(None))):
        raise TypeError(f"parent_id_tag is {info.parent_id_tag!r}; expected text or None")
    if not isinstance(info.expiry_date, (datetime, type(None))):
        raise TypeError(f"expiry_date is {info.expiry_date!r}; expected a datetime or None")
    expiry_date = info.expiry_date
    if expiry_date is not None and expiry_date.tzinfo is None:
        expiry_date = expiry_date.replace(tzinfo=timezone.utc)
    return replace(info, status=AuthorizationStatus(info.status), expiry_date=expiry_date)


def leave_out_long_parent(call: Call, response: Any) -> None:
    """Take a parentIdTag out of an answer whose version has no room for it: it may always be missing."""
    info = getattr(response, "id_tag_info", None)
    if info is None or not info.parent_id_tag:
        return
    limit = _PARENT_LIMITS[call.version]
    if len(info.parent_id_tag) > limit:
        response.id_tag_info = replace(info, parent_id_tag=None)
        call.warnings.append(MessageWarning("parent_left_out", "parentIdTag", info.parent_id_tag[:100]))
        _log.warning(
            "the parentIdTag is too long for the version of the station and was left out",
            charge_point=call.charge_box_identity,
            version=call.version.value,
            limit=limit,
        )
