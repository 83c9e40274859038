"""What a station is told of an idTag."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ocpp_soap.central_system import Tag
from ocpp_soap.messages import AuthorizationStatus, AuthorizeRequest

NOW = datetime.now(timezone.utc)


@pytest.fixture
def tags(make_central_system):
    return make_central_system().tags


def test_a_tag_that_is_not_in_the_table_is_invalid(tags):
    assert tags.check("04AB").status is AuthorizationStatus.INVALID


def test_an_empty_tag_is_invalid(tags):
    assert tags.check(" ").status is AuthorizationStatus.INVALID


def test_unknown_tags_can_be_accepted(make_central_system):
    assert make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept").tags.check("04AB").status == "Accepted"


def test_tags_compare_in_any_letter_case(tags):
    tags.add(Tag(id_tag="04AbCd"))
    assert tags.check("04aBcD").status is AuthorizationStatus.ACCEPTED
    assert tags.get("04ABCD").id_tag == "04AbCd"


def test_a_blocked_tag_is_blocked_also_when_expired(tags):
    tags.add(Tag(id_tag="A", expiry_date=NOW - timedelta(days=1)))
    tags.block("a")
    assert tags.check("A").status is AuthorizationStatus.BLOCKED


def test_a_tag_expires_at_its_date(tags):
    tags.add(Tag(id_tag="A", expiry_date=NOW))
    assert tags.check("A", NOW - timedelta(seconds=1)).status is AuthorizationStatus.ACCEPTED
    assert tags.check("A", NOW).status is AuthorizationStatus.EXPIRED
    assert tags.check("A", NOW).expiry_date == NOW


def test_the_answer_names_the_group(tags):
    tags.add(Tag(id_tag="A", parent_id_tag="Fleet"))
    assert tags.check("A").parent_id_tag == "Fleet"


@pytest.mark.parametrize("order", [("Fleet", "A"), ("A", "Fleet")])
def test_the_parent_of_a_group_belongs_to_it(tags, order):
    for id_tag in order:
        tags.add(Tag(id_tag=id_tag, parent_id_tag="fleet" if id_tag == "A" else None))
    assert tags.check("Fleet").parent_id_tag == "Fleet"


def test_adding_a_tag_again_changes_it(tags):
    tags.add(Tag(id_tag="A", status="Blocked", expiry_date=NOW, parent_id_tag="P", max_concurrent=3))
    tags.add(Tag(id_tag="a"))
    assert tags.check("A").status is AuthorizationStatus.ACCEPTED
    (tag,) = tags.list().items
    assert (tag.id_tag, tag.expiry_date, tag.parent_id_tag, tag.max_concurrent) == ("a", None, None, None)


def test_spaces_around_a_tag_and_its_parent_are_no_part_of_them(tags):
    added = tags.add(Tag(id_tag=" TAG ", parent_id_tag=" FLEET "))
    assert (added.id_tag, added.parent_id_tag) == ("TAG", "FLEET")
    assert tags.check("TAG").parent_id_tag == "FLEET"


def test_a_removed_tag_is_invalid(tags):
    tags.add(Tag(id_tag="A"))
    assert tags.remove("a")
    assert not tags.remove("a")
    assert tags.check("A").status is AuthorizationStatus.INVALID


@pytest.mark.parametrize(
    "tag",
    [
        Tag(id_tag="A", status="Expired"),
        Tag(id_tag="A", status="ConcurrentTx"),
        Tag(id_tag=" "),
        Tag(id_tag="A" * 256),
        Tag(id_tag="A\x01"),
        Tag(id_tag="A", parent_id_tag="P\n"),
        Tag(id_tag="A", parent_id_tag="P" * 21),
        Tag(id_tag="A", expiry_date=datetime(2030, 1, 1)),
    ],
)
def test_what_cannot_be_a_tag_is_refused(tags, tag):
    with pytest.raises(ValueError, match=r"status|empty|zone|printable|at most 255|longer than 20"):
        tags.add(tag)


def test_the_longest_tag_is_found_in_any_letter_case(tags):
    tags.add(Tag(id_tag="é" * 255))
    assert tags.check("É" * 255).status is AuthorizationStatus.ACCEPTED
    assert tags.check("É" * 256).status is AuthorizationStatus.INVALID
    assert not tags.remove("É" * 256)


def test_tags_are_listed_by_status(tags):
    tags.add(Tag(id_tag="A"))
    tags.add(Tag(id_tag="B", status="Blocked"))
    assert [tag.id_tag for tag in tags.list(status="Blocked").items] == ["B"]
    assert tags.block("nobody") is None


def test_authorize_answers_by_the_table(make_central_system, send):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A", parent_id_tag="P"))
    answer = send(AuthorizeRequest(id_tag="a"), to=system).id_tag_info
    assert (answer.status, answer.parent_id_tag) == ("Accepted", "P")
