"""Any message of any version, written by us, is valid, and is read back however a station shuffles its XML."""

import itertools
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ocpp_soap.messages import (
    ACTIONS,
    Kind,
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    Version,
    fields_in,
)
from ocpp_soap.soap import codec, wsdl
from ocpp_soap.soap.namespaces import service_namespace

LEGAL = st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff")
ANY_TEXT = st.text(LEGAL | st.sampled_from("\t\n\r"))
INT32 = st.integers(-(2**31), 2**31 - 1)
URLS = st.from_regex(r"ftps?://[a-z0-9.]{1,20}(:[0-9]{1,4})?(/[A-Za-z0-9._~-]{0,9}){0,3}", fullmatch=True)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES | st.just(timezone.utc))
FOREIGN = ["", "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/", "urn://Ocpp/Cp/2012/06/", "http://example/"]

CASES = [
    pytest.param(action.receiver, version, record, id=f"{version}-{action.receiver.value}-{record.__name__}")
    for version, action in itertools.product(Version, ACTIONS)
    if version.has(action.since)
    for record in (action.request, action.response)
]


def names(limit):
    """Texts without spaces around them; XML would keep them, a lenient reader does not."""
    return st.text(LEGAL, min_size=1, max_size=limit).filter(lambda text: text == text.strip(" \t\r\n"))


def values(info, version):
    limit = info.limit_in(version)
    if info.kind is Kind.RECORD:
        return messages(info.type, version)
    if info.kind is Kind.CHOICE:
        return st.sampled_from([member for member in info.type if version.has(member.since)])
    if info.uri:
        return URLS
    if info.content:
        return names(60)
    if info.kind is Kind.STRING:
        return names(limit) if limit and limit <= 255 else ANY_TEXT.filter(lambda text: len(text) <= (limit or 10**9))
    if info.least is not None:
        return st.integers(info.least, 2**31 - 1)
    return {Kind.INTEGER: INT32, Kind.TIME: TIMES, Kind.BOOLEAN: st.booleans()}[info.kind]


def messages(record, version):
    if record is SampledValue and version is Version.V12:
        return st.builds(SampledValue, value=INT32.map(str))
    given_fields = {}
    for info in fields_in(record, version):
        strategy = values(info, version)
        if record is MeterValue and info.many:
            strategy = st.lists(strategy, min_size=1, max_size=1 if version is Version.V12 else 3)
        elif info.many:
            strategy = st.lists(strategy, max_size=3)
        elif not info.required_in(version):
            strategy = st.none() | strategy
        given_fields[info.name] = strategy
    return st.builds(record, **given_fields)


def written(message, role, version):
    namespace = service_namespace(role, version)
    element = codec.body_name(type(message))
    return etree.fromstring(codec.encode(message, version, element=element, namespace=namespace))


def shuffled(element, random, namespaces, capitals):
    """The element with its children in another order, in other namespaces, under other prefixes and names."""
    name = etree.QName(element).localname
    if capitals and random.random() < 0.5:
        name = name[0].upper() + name[1:]
    namespace = random.choice(namespaces)
    prefix = random.choice([None, "a", "ns1", "OCPP"])
    changed = etree.Element(
        f"{{{namespace}}}{name}" if namespace else name,
        dict(element.attrib),
        nsmap={prefix: namespace} if namespace else None,
    )
    changed.text = element.text
    children = list(element)
    order = sorted({child.tag for child in children}, key=lambda _: random.random())
    for child in sorted(children, key=lambda child: order.index(child.tag)):
        changed.append(shuffled(child, random, namespaces, capitals))
    return changed


@pytest.mark.parametrize(("role", "version", "record"), CASES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_we_send_is_valid_and_is_read_back_whatever_its_order_prefixes_and_namespaces(role, version, record, data):
    message = data.draw(messages(record, version))
    element = written(message, role, version)
    wsdl.schema(role, version).assertValid(element)
    assert codec.decode(record, element, version, []) == message
    random = data.draw(st.randoms(use_true_random=False))
    own = [service_namespace(role, version)]
    prefixed = etree.fromstring(etree.tostring(shuffled(element, random, own, capitals=False)))
    assert codec.decode(record, prefixed, version, []) == message
    foreign = etree.fromstring(etree.tostring(shuffled(element, random, own + FOREIGN, capitals=True)))
    assert codec.decode(record, foreign, version, []) == message


@settings(max_examples=50, deadline=None)
@given(message=messages(MeterValuesRequest, Version.V12))
def test_a_body_of_12_in_the_namespace_of_15_means_the_same(message):
    element = written(message, ACTIONS[0].receiver, Version.V12)
    assert codec.decode(MeterValuesRequest, element, Version.V15, []) == message
