"""Documents as JSON text: one text for equal documents, which checksums rest on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ocpp_soap.storage.encoding import decode, encode

MOMENTS = [datetime(2012, 6, 1, 12, tzinfo=timezone.utc), datetime(2012, 6, 1, 12, 0, 0, 5, tzinfo=timezone.utc)]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_is_the_same_text_in_every_zone_and_by_every_object_that_means_utc(moment: datetime) -> None:
    text = encode({"at": moment})
    for zone in (timezone(timedelta(0), "UTC"), timezone(timedelta(hours=2)), timezone(timedelta(hours=-9.5))):
        assert encode({"at": moment.astimezone(zone)}) == text
    assert decode(text) == {"at": moment}
