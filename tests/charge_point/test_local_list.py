"""The one local authorisation list (15 §3.3, §5.13; notes 7.13 to 7.16)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ocpp_soap.charge_point.local_list import LocalList
from ocpp_soap.messages import AuthorisationData, AuthorizationStatus, IdTagInfo, UpdateType, Version

ACCEPTED, BLOCKED = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED
CONCURRENT = AuthorizationStatus.CONCURRENT_TX
FULL, DIFFERENTIAL = UpdateType.FULL, UpdateType.DIFFERENTIAL


def entry(tag, status=ACCEPTED):
    return AuthorisationData(id_tag=tag, id_tag_info=IdTagInfo(status=status) if status else None)


@pytest.fixture
def local_list():
    return LocalList(Version.V15, 4)


def tags(local_list):
    return {e.id_tag for e in local_list.entries()}


def test_tags_are_found_whatever_their_case(local_list, noon):
    local_list.learn("Tag1", IdTagInfo(status=ACCEPTED))
    assert local_list.find("tAG1", noon).status is ACCEPTED


def test_an_entry_leaves_at_its_expiry_date(local_list, noon):
    local_list.learn("TAG1", IdTagInfo(status=ACCEPTED, expiry_date=noon + timedelta(hours=1)))
    assert local_list.find("TAG1", noon) is not None
    assert local_list.find("TAG1", noon + timedelta(hours=1)) is None
    assert len(local_list) == 0


def test_1_5_keeps_refused_tags_and_1_2_forgets_them(noon):
    for version, kept in ((Version.V15, True), (Version.V12, False)):
        local_list = LocalList(version, 10)
        local_list.learn("TAG1", IdTagInfo(status=ACCEPTED))
        local_list.learn("TAG1", IdTagInfo(status=BLOCKED))
        assert (local_list.find("TAG1", noon) is not None) is kept


@pytest.mark.parametrize(
    ("version", "from_stop", "kept"),
    [(Version.V15, False, True), (Version.V15, True, True), (Version.V12, False, True), (Version.V12, True, False)],
)
def test_concurrent_tx_is_kept_as_accepted_except_after_a_stop_of_1_2(noon, version, from_stop, kept):
    local_list = LocalList(version, 10)
    local_list.learn("TAG1", IdTagInfo(status=CONCURRENT), from_stop=from_stop)
    found = local_list.find("TAG1", noon)
    assert (found is not None and found.status is ACCEPTED) is kept


def test_a_full_update_replaces_everything_at_any_version(local_list):
    local_list.learn("LEARNED", IdTagInfo(status=ACCEPTED))
    assert local_list.update(FULL, 7, [entry("A"), entry("B")]) == "Accepted"
    assert local_list.update(FULL, 3, [entry("C"), entry("DELETE", None), entry("c", BLOCKED)]) == "Accepted"
    assert (tags(local_list), local_list.list_version) == ({"c"}, 3)


def test_a_full_update_without_entries_empties_the_list_and_keeps_its_version(local_list):
    local_list.update(FULL, 5, [])
    assert (len(local_list), local_list.list_version) == (0, 5)


def test_a_differential_update_adds_replaces_and_deletes(local_list, noon):
    local_list.update(FULL, 234, [entry("A"), entry("B")])
    assert local_list.update(DIFFERENTIAL, 239, [entry("a", BLOCKED), entry("B", None), entry("C")]) == "Accepted"
    assert (tags(local_list), local_list.list_version) == ({"a", "C"}, 239)
    assert local_list.find("A", noon).status is BLOCKED


@pytest.mark.parametrize("version", [5, 4, 0])
def test_a_differential_update_that_is_not_newer_is_a_version_mismatch(local_list, version):
    local_list.update(FULL, 5, [entry("A")])
    assert local_list.update(DIFFERENTIAL, version, [entry("B")]) == "VersionMismatch"
    assert tags(local_list) == {"A"}


@pytest.mark.parametrize("data", [[entry(f"T{n}") for n in range(5)], [entry("NEW"), entry("")]])
def test_an_update_that_does_not_fit_fails_and_changes_nothing(local_list, data):
    local_list.update(FULL, 1, [entry("A")])
    for kind in UpdateType:
        assert local_list.update(kind, 2, data) == "Failed"
    assert (tags(local_list), local_list.list_version) == ({"A"}, 1)


def test_learned_entries_make_room(local_list):
    for n in range(6):
        local_list.learn(f"L{n}", IdTagInfo(status=ACCEPTED))
    assert tags(local_list) == {"L2", "L3", "L4", "L5"}
    local_list.update(DIFFERENTIAL, 1, [entry("A"), entry("B")])
    assert tags(local_list) == {"L4", "L5", "A", "B"}


def test_learning_changes_the_content_but_neither_origin_nor_version(local_list):
    local_list.update(FULL, 9, [entry("A")])
    local_list.learn("A", IdTagInfo(status=BLOCKED))
    local_list.clear_learned()
    assert [(e.id_tag, e.info.status) for e in local_list.entries()] == [("A", BLOCKED)]
    assert local_list.list_version == 9
