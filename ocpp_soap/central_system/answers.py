"""Answers that a station can be given whatever a tag holds and whatever a handler of one's own says of it.

A station does not repeat a start or a stop that got a fault, so nothing that is said of a tag may make one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import structlog

from ocpp_soap.dispatch import LONGEST_IN_WARNING, Call, MessageWarning
from ocpp_soap.errors import InvalidMessage
from ocpp_soap.messages import AuthorizationStatus, AuthorizeResponse, IdTagInfo, Version, limit_of
from ocpp_soap.soap.codec.encoding import escape

_log = structlog.get_logger("ocpp_soap.central_system")
_PARENT_LIMITS = {version: limit_of(IdTagInfo, "parent_id_tag", version) for version in Version}


def sound(response: Any, call: Call) -> IdTagInfo:
    """What an Authorize handler said of a tag, without what no answer can hold, and with its date in UTC.

    Raises TypeError or ValueError for what is no answer to Authorize.
    """
    if not isinstance(response, AuthorizeResponse) or not isinstance(response.id_tag_info, IdTagInfo):
        raise TypeError(f"handle of Authorize returned {response!r}; expected an AuthorizeResponse with an IdTagInfo")
    info = response.id_tag_info
    if not isinstance(info.parent_id_tag, (str, type(None))):
        raise TypeError(f"parent_id_tag is {info.parent_id_tag!r}; expected text or None")
    if not isinstance(info.expiry_date, (datetime, type(None))):
        raise TypeError(f"expiry_date is {info.expiry_date!r}; expected a datetime or None")
    return _writable(replace(info, status=AuthorizationStatus(info.status)), call)


def leave_out_unsendable(call: Call, response: Any) -> None:
    """Take out of an answer what it cannot hold in its version: a parentIdTag and an expiryDate may always be missing.

    That is a date that cannot be told in UTC, and a parent that is too long or no XML.
    """
    info = getattr(response, "id_tag_info", None)
    if info is not None:
        response.id_tag_info = _short(_writable(info, call), call)


def _writable(info: IdTagInfo, call: Call) -> IdTagInfo:
    """Without a date that cannot be told in UTC, and without a parent that XML cannot carry."""
    date, parent = info.expiry_date, info.parent_id_tag
    if isinstance(date, datetime) and date.tzinfo is not timezone.utc:
        info = replace(info, expiry_date=_in_utc(date))
        if info.expiry_date is None:
            call.warnings.append(MessageWarning("expiry_left_out", "expiryDate", str(date)[:LONGEST_IN_WARNING]))
            _warn("the expiryDate cannot be told in UTC and was left out", call, expiry_date=str(date))
    if isinstance(parent, str) and not _is_xml(parent):
        info = replace(info, parent_id_tag=None)
        call.warnings.append(MessageWarning("parent_left_out", "parentIdTag", repr(parent)[:LONGEST_IN_WARNING]))
        _warn("the parentIdTag holds a character that XML cannot carry and was left out", call)
    return info


def _short(info: IdTagInfo, call: Call) -> IdTagInfo:
    """Without a parent that the version of the station has no room for."""
    parent, limit = info.parent_id_tag, _PARENT_LIMITS[call.version]
    if not parent or len(parent) <= limit:
        return info
    call.warnings.append(MessageWarning("parent_left_out", "parentIdTag", parent[:LONGEST_IN_WARNING]))
    _warn("the parentIdTag is too long for the version of the station and was left out", call, limit=limit)
    return replace(info, parent_id_tag=None)


def _in_utc(date: datetime) -> datetime | None:
    """The same time in UTC, which a date without zone means; None: it lies outside the years 1 to 9999 there."""
    try:
        return date.replace(tzinfo=timezone.utc) if date.utcoffset() is None else date.astimezone(timezone.utc)
    except (OverflowError, ValueError):
        return None


def _is_xml(text: str) -> bool:
    try:
        escape(text, "parentIdTag")
    except InvalidMessage:
        return False
    return True


def _warn(event: str, call: Call, **more: Any) -> None:
    _log.warning(event, charge_point=call.charge_box_identity, version=call.version.value, **more)
