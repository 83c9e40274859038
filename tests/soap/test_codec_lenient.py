"""What stations send beside the schema is understood, each oddity with a warning of its own kind."""

from datetime import datetime, timedelta, timezone

import pytest
from lxml import etree

from ocpp_soap import messages as m
from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import Version
from ocpp_soap.soap import codec
from ocpp_soap.soap.namespaces import service_namespace

CS_12, CS_15 = "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
NOON = datetime(2012, 6, 8, 10, tzinfo=timezone.utc)
TIME = "<timestamp>2012-06-08T10:00:00Z</timestamp>"
STOP = m.StopTransactionRequest(transaction_id=7, id_tag="AB", timestamp=NOON, meter_stop=5)
STOP_PARTS = {
    "transactionId": "<transactionId>7</transactionId>",
    "idTag": "<idTag>AB</idTag>",
    "timestamp": TIME,
    "meterStop": "<meterStop>5</meterStop>",
}


def read(record, inner, version=Version.V15, namespace=CS_15, attributes=""):
    """The message, and the warnings as (kind, where, sent)."""
    name = codec.body_name(record)
    declared = f' xmlns="{namespace}"' if namespace else ""
    element = etree.fromstring(f"<{name}{declared} {attributes}>{inner}</{name}>")
    warnings = []
    message = codec.decode(record, element, version, warnings)
    return message, [(w.kind, w.where, w.sent) for w in warnings]


def read_stop(**changed):
    return read(m.StopTransactionRequest, "".join((STOP_PARTS | changed).values()), attributes=XSI)


def stop_with(**changed):
    return m.StopTransactionRequest(
        **{name: getattr(STOP, name) for name in ("transaction_id", "id_tag", "timestamp", "meter_stop")} | changed
    )


def test_elements_in_any_order():
    message, warnings = read(m.StopTransactionRequest, "".join(reversed(STOP_PARTS.values())))
    assert message == STOP
    assert {kind for kind, _, _ in warnings} == {"order"}


@pytest.mark.parametrize(
    "namespace",
    ["", CS_12, "urn://Ocpp/Cp/2012/06/", "urn://Ocpp/Cs/2010/10/", "http://example/other"],
    ids=["none", "other version", "other role", "printed in 1.2", "unknown"],
)
def test_children_in_the_wrong_namespace_or_none(namespace):
    children = "".join(STOP_PARTS.values())
    message, warnings = read(
        m.StopTransactionRequest,
        "".join(part.replace(">", f' xmlns="{namespace}">', 1) for part in STOP_PARTS.values()),
    )
    assert children
    assert message == STOP
    assert {(kind, where) for kind, where, _ in warnings} == {("namespace", name) for name in STOP_PARTS}


def test_a_body_wholly_in_no_namespace():
    message, warnings = read(m.StopTransactionRequest, "".join(STOP_PARTS.values()), namespace="")
    assert message == STOP
    assert {kind for kind, _, _ in warnings} == {"namespace"}


def test_a_body_without_wrapper_is_read_from_the_body_itself():
    body = etree.fromstring(
        f'<S:Body xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns="{CS_15}">{"".join(STOP_PARTS.values())}'
        "</S:Body>"
    )
    warnings = []
    assert codec.decode(m.StopTransactionRequest, body, Version.V15, warnings) == STOP
    assert warnings == []


def test_names_with_a_capital_first_letter():
    capitals = "".join(f"<{name.title()[0]}{name[1:]}>" + part.split(">", 1)[1] for name, part in STOP_PARTS.items())
    for name in STOP_PARTS:
        capitals = capitals.replace(f"</{name}>", f"</{name[0].upper()}{name[1:]}>")
    message, warnings = read(m.StopTransactionRequest, capitals)
    assert message == STOP
    assert {kind for kind, _, _ in warnings} == {"odd_case"}


def test_unknown_extra_elements_are_left_out():
    message, warnings = read_stop(more='<reason xmlns="">Local<deep/></reason><!-- remark -->')
    assert message == STOP
    assert warnings == [("unknown_element", "reason", "")]


def test_text_over_the_length_is_kept_whole():
    tag = "0123456789ABCDEF0123456789"
    message, warnings = read_stop(idTag=f"<idTag>{tag}</idTag>")
    assert message == stop_with(id_tag=tag)
    assert warnings == [("too_long", "idTag", tag)]


def test_the_length_of_a_tag_in_12_is_15():
    assert read(m.AuthorizeRequest, "<idTag>0123456789ABCDEF</idTag>", Version.V12, CS_12) == (
        m.AuthorizeRequest(id_tag="0123456789ABCDEF"),
        [("too_long", "idTag", "0123456789ABCDEF")],
    )


@pytest.mark.parametrize(
    ("sent", "status", "kinds"),
    [
        ("Charging", "Charging", ["unknown_choice"]),
        ("available", m.ChargePointStatus.AVAILABLE, ["odd_case"]),
        ("OCCUPIED", m.ChargePointStatus.OCCUPIED, ["odd_case"]),
        (" Faulted\n", m.ChargePointStatus.FAULTED, []),
    ],
)
def test_choices_of_their_own_are_kept_raw_and_other_case_is_folded(sent, status, kinds):
    message, warnings = read(
        m.StatusNotificationRequest,
        f"<connectorId>1</connectorId><status>{sent}</status><errorCode>NoError</errorCode>",
    )
    assert message.status == status
    assert type(message.status) is type(status)
    assert [kind for kind, _, _ in warnings] == kinds


def test_choices_and_fields_of_15_are_understood_in_12():
    message, warnings = read(
        m.StatusNotificationRequest,
        "<connectorId>1</connectorId><status>Reserved</status><errorCode>OtherError</errorCode><info>x</info>",
        Version.V12,
        CS_12,
    )
    assert message == m.StatusNotificationRequest(
        connector_id=1,
        status=m.ChargePointStatus.RESERVED,
        error_code=m.ChargePointErrorCode.OTHER_ERROR,
        info="x",
    )
    assert warnings == [
        ("not_in_version", "status", "Reserved"),
        ("not_in_version", "errorCode", "OtherError"),
        ("not_in_version", "info", ""),
    ]


@pytest.mark.parametrize(
    ("transaction_id", "kinds"),
    [
        ("", ["missing"]),
        ("<transactionId/>", ["empty", "missing"]),
        ('<transactionId xsi:nil="true"/>', ["nil", "missing"]),
        ('<transactionId xsi:nil="1"> </transactionId>', ["nil", "missing"]),
    ],
    ids=["missing", "empty", "nil", "blank"],
)
def test_a_stop_without_transaction_id_is_a_stop_of_transaction_0(transaction_id, kinds):
    message, warnings = read_stop(transactionId=transaction_id)
    assert message == stop_with(transaction_id=0)
    assert [kind for kind, _, _ in warnings] == kinds


def test_nil_with_a_prefix_that_nobody_declared():
    parser = etree.XMLParser(recover=True)
    element = etree.fromstring(
        f'<stopTransactionRequest xmlns="{CS_15}"><transactionId xsi:nil="true"/>{TIME}<meterStop>5</meterStop>'
        "</stopTransactionRequest>",
        parser,
    )
    warnings = []
    message = codec.decode(m.StopTransactionRequest, element, Version.V15, warnings)
    assert message == stop_with(transaction_id=0, id_tag=None)
    assert [w.kind for w in warnings] == ["nil", "missing"]


@pytest.mark.parametrize("sent", ["<idTag/>", "<idTag></idTag>", "<idTag> </idTag>", '<idTag xsi:nil="true"/>'])
def test_empty_optional_elements_are_absent(sent):
    message, warnings = read_stop(idTag=sent)
    assert message == stop_with(id_tag=None)
    assert warnings[-1][0] in ("empty", "nil")


def test_an_empty_mandatory_text_is_an_empty_text():
    assert read(m.AuthorizeRequest, "<idTag/>") == (m.AuthorizeRequest(id_tag=""), [("empty", "idTag", "")])


def test_an_empty_record_is_absent():
    assert read(m.StopTransactionResponse, "<idTagInfo/>") == (
        m.StopTransactionResponse(),
        [("empty", "idTagInfo", "")],
    )


def test_empty_transaction_data_and_empty_values():
    message, warnings = read_stop(data="<transactionData/><transactionData><values/></transactionData>")
    assert message == stop_with(transaction_data=[m.TransactionData(), m.TransactionData()])
    assert warnings == [("empty", "values", "")]


@pytest.mark.parametrize(
    ("sent", "number", "kinds"),
    [
        ("1.0", 1, ["odd_integer"]),
        ("+1", 1, ["odd_integer"]),
        ("1.", 1, ["odd_integer"]),
        (" 1\n", 1, []),
        ("007", 7, []),
        ("-1", -1, []),
        ("4294967295", 4294967295, ["out_of_range"]),
        ("9223372036854775807", 2**63 - 1, ["out_of_range"]),
    ],
)
def test_integers(sent, number, kinds):
    message, warnings = read_stop(transactionId=f"<transactionId>{sent}</transactionId>")
    assert message == stop_with(transaction_id=number)
    assert [kind for kind, _, _ in warnings] == kinds


@pytest.mark.parametrize("sent", ["seven", "1.5", "0x10", "1_000", "1e3", "٣", "--1", "9" * 400, "9223372036854775808"])
def test_what_cannot_be_an_integer_is_refused_by_name(sent):
    with pytest.raises(ProtocolError, match="transactionId: expected a whole number"):
        read_stop(transactionId=f"<transactionId>{sent}</transactionId>")


def test_energy_with_decimals_is_rounded_to_whole_wh():
    message, warnings = read_stop(meterStop="<meterStop>1234.56</meterStop>")
    assert message == stop_with(meter_stop=1235)
    assert warnings == [("rounded", "meterStop", "1234.56")]


@pytest.mark.parametrize(
    ("sent", "value", "kinds"),
    [("true", True, []), ("0", False, []), ("1", True, []), ("False", False, ["odd_boolean"])],
)
def test_booleans(sent, value, kinds):
    message, warnings = read(
        m.GetConfigurationResponse,
        f"<configurationKey><key>K</key><readonly>{sent}</readonly></configurationKey>",
        namespace="urn://Ocpp/Cp/2012/06/",
    )
    assert message.configuration_key == [m.KeyValue(key="K", readonly=value)]
    assert [kind for kind, _, _ in warnings] == kinds


def test_a_configuration_key_that_does_not_say_whether_it_is_read_only_may_be_changed():
    message, warnings = read(m.GetConfigurationResponse, "<configurationKey><key>K</key></configurationKey>")
    assert message.configuration_key == [m.KeyValue(key="K", readonly=False)]
    assert warnings == [("missing", "readonly", "")]


def test_what_cannot_be_a_boolean_is_refused_by_name():
    with pytest.raises(ProtocolError, match="readonly: expected true or false, got 'maybe'"):
        read(m.GetConfigurationResponse, "<configurationKey><readonly>maybe</readonly></configurationKey>")


def test_spaces_around_names_are_dropped_but_data_is_kept():
    assert read(m.DataTransferRequest, "<vendorId>\n v </vendorId><data> d </data>") == (
        m.DataTransferRequest(vendor_id="v", data=" d "),
        [("surrounding_spaces", "vendorId", "\n v ")],
    )


def test_markup_in_data_is_kept_as_text():
    message, warnings = read(m.DataTransferRequest, '<vendorId>v</vendorId><data>a<b xmlns="">c</b>d</data>')
    assert message.data == 'a<b xmlns="">c</b>d'
    assert warnings == [("markup_in_text", "data", "")]


def test_a_comment_does_not_cut_a_text():
    assert read(m.AuthorizeRequest, "<idTag>04<!-- -->AB<?x?>CD</idTag>") == (m.AuthorizeRequest(id_tag="04ABCD"), [])


def test_a_repeated_element_with_the_same_value_is_one():
    assert read(m.AuthorizeRequest, "<idTag>AB</idTag><idTag>AB</idTag>") == (
        m.AuthorizeRequest(id_tag="AB"),
        [("repeated", "idTag", "")],
    )


def test_a_repeated_element_with_another_value_is_refused():
    with pytest.raises(ProtocolError, match="idTag is there twice, as 'AB' and 'CD'"):
        read(m.AuthorizeRequest, "<idTag>AB</idTag><idTag>CD</idTag>")


def test_a_missing_mandatory_element_is_refused_by_name():
    with pytest.raises(ProtocolError, match="timestamp is missing or empty; expected a time"):
        read_stop(timestamp="")


def test_an_answer_to_boot_without_time_is_understood():
    message, warnings = read(m.BootNotificationResponse, "<status>Accepted</status>")
    assert message == m.BootNotificationResponse(status=m.RegistrationStatus.ACCEPTED)
    assert sorted(warnings) == [("missing", "currentTime", ""), ("missing", "heartbeatInterval", "")]


def test_warnings_are_said_once_and_bounded():
    many = "".join(f"<unknown{number}/>" for number in range(500))
    message, warnings = read_stop(more=many + "<again/>" * 10)
    assert message == STOP
    assert len(warnings) == len(set(warnings)) == 100


METER_VALUE = m.MeterValue(
    timestamp=NOON, value=[m.SampledValue(value="1.5", unit=m.UnitOfMeasure.KWH, location=m.Location.OUTLET)]
)


@pytest.mark.parametrize(
    "inner",
    [
        f'<values>{TIME}<value unit="kWh" location="Outlet">1.5</value></values>',
        f'<values>{TIME}<value Unit="kwh" location=" Outlet "> 1.5 </value></values>',
        f"<meterValue>{TIME}<sampledValue><value>1.5</value><unit>kWh</unit><location>Outlet</location></sampledValue>"
        "</meterValue>",
        f"<values>{TIME}<value><unit>kWh</unit><value>1.5</value><location>Outlet</location></value></values>",
        f"<MeterValue>{TIME}<SampledValue><Value>1.5</Value><Unit>kWh</Unit><Location>Outlet</Location></SampledValue>"
        "</MeterValue>",
    ],
    ids=["1.5", "1.5 in odd case", "1.6", "1.6 in 1.5", "1.6 in capitals"],
)
@pytest.mark.parametrize(("version", "namespace"), [(Version.V12, CS_12), (Version.V15, CS_15)])
def test_meter_values_are_read_by_their_shape_whatever_the_version(inner, version, namespace):
    message, _ = read(m.MeterValuesRequest, f"<connectorId>1</connectorId>{inner}", version, namespace)
    assert message == m.MeterValuesRequest(connector_id=1, values=[METER_VALUE])


def test_a_value_of_12_is_the_same_in_both_versions():
    inner = f"<connectorId>1</connectorId><values>{TIME}<value>123</value></values>"
    expected = m.MeterValuesRequest(
        connector_id=1, values=[m.MeterValue(timestamp=NOON, value=[m.SampledValue(value="123")])]
    )
    assert read(m.MeterValuesRequest, inner, Version.V12, CS_12) == (expected, [])
    assert read(m.MeterValuesRequest, inner, Version.V15, CS_15) == (expected, [])


def test_transaction_data_in_the_shape_of_16_is_one_meter_value():
    message, warnings = read_stop(
        data=f"<transactionData>{TIME}<sampledValue><value>1.5</value><unit>kWh</unit><location>Outlet</location>"
        "<phase>L1</phase></sampledValue></transactionData>"
    )
    assert message == stop_with(transaction_data=[m.TransactionData(values=[METER_VALUE])])
    assert {kind for kind, _, _ in warnings} == {"sampled_value_shape", "unknown_attribute"}


def test_units_and_attributes_that_15_lacks():
    message, warnings = read(
        m.MeterValuesRequest,
        f'<connectorId>1</connectorId><values>{TIME}<value unit="Percent" phase="L1" context="">80</value></values>',
    )
    assert message.values[0].value == [m.SampledValue(value="80", unit="Percent")]
    assert warnings == [
        ("unknown_choice", "unit", "Percent"),
        ("unknown_attribute", "phase", "L1"),
        ("empty", "context", ""),
    ]


@pytest.mark.parametrize("sent", ["12.5", "abc", "99999999999"])
def test_a_value_of_12_that_is_no_integer_is_kept_as_sent(sent):
    message, warnings = read(
        m.MeterValuesRequest,
        f"<connectorId>1</connectorId><values>{TIME}<value>{sent}</value></values>",
        Version.V12,
        CS_12,
    )
    assert message.values[0].value == [m.SampledValue(value=sent)]
    assert warnings == [("not_an_integer", "value", sent)]


def test_a_time_without_any_value_is_kept():
    message, warnings = read(m.MeterValuesRequest, f"<connectorId>1</connectorId><values>{TIME}<value/></values>")
    assert message.values == [m.MeterValue(timestamp=NOON, value=[])]
    assert warnings == [("empty", "value", ""), ("missing", "value", "")]


def in_zone(hours, *parts):
    return datetime(*parts, tzinfo=timezone(timedelta(hours=hours)))


@pytest.mark.parametrize(
    ("sent", "moment", "kinds"),
    [
        ("2012-06-08T10:00:00Z", NOON, []),
        ("2012-06-08T10:00:00.000Z", NOON, []),
        ("2012-06-08T10:00:00.5Z", NOON.replace(microsecond=500000), []),
        ("2012-06-08T10:00:00.1234567Z", NOON.replace(microsecond=123456), ["long_fraction"]),
        ("2012-06-08T10:00:00.123456789012345678901234567890Z", NOON.replace(microsecond=123456), ["long_fraction"]),
        ("2012-06-08T10:00:00", NOON, ["zoneless_time"]),
        ("2012-06-08T10:00:00.25", NOON.replace(microsecond=250000), ["zoneless_time"]),
        ("2012-06-08T12:00:00+02:00", in_zone(2, 2012, 6, 8, 12), []),
        ("2012-06-07T20:00:00-14:00", in_zone(-14, 2012, 6, 7, 20), []),
        ("2012-06-08T12:00:00+0200", in_zone(2, 2012, 6, 8, 12), ["odd_time"]),
        ("2012-06-08T12:00:00+02", in_zone(2, 2012, 6, 8, 12), ["odd_time"]),
        ("2012-06-08 10:00:00Z", NOON, ["odd_time"]),
        ("2012-06-08t10:00:00z", NOON, ["odd_time"]),
        ("2012-06-08T10:00Z", NOON, ["odd_time"]),
        ("2012-06-08T10:00:00,5Z", NOON.replace(microsecond=500000), ["odd_time"]),
        ("2012-06-08T10:00:00,500Z", NOON.replace(microsecond=500000), ["odd_time"]),
        ("2012-06-08T10:00:00 Z", NOON, ["odd_time"]),
        ("2012-06-09T01:00:00+15:00", NOON.astimezone(timezone(timedelta(hours=15))), ["odd_time"]),
        ("2012-06-09T00:00:00+14:00", NOON.astimezone(timezone(timedelta(hours=14))), []),
        ("2012-06-07T24:00:00Z", NOON.replace(hour=0), ["end_of_day_time"]),
        ("2012-06-07T24:00:00.000Z", NOON.replace(hour=0), ["end_of_day_time"]),
        ("2012-06-08", NOON.replace(hour=0), ["zoneless_time", "odd_time"]),
        ("2012-06-30T23:59:60Z", datetime(2012, 7, 1, tzinfo=timezone.utc), ["odd_time"]),
        ("\n2012-06-08T10:00:00Z ", NOON, []),
    ],
)
def test_times(sent, moment, kinds):
    message, warnings = read(m.HeartbeatResponse, f"<currentTime>{sent}</currentTime>")
    assert message.current_time == moment
    assert message.current_time.utcoffset() == moment.utcoffset()
    assert [kind for kind, _, _ in warnings] == kinds


@pytest.mark.parametrize(
    "sent",
    [
        "yesterday",
        "2012-13-01T00:00:00Z",
        "2012-06-08T25:00:00Z",
        "2012-06-08T24:00:01Z",
        "2012-W23-5T10:00:00Z",
        "2012-06-08T100000.12345Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T24:00:00Z",
        "2012-06-08T10:00:00+99:99",
        "1339149600",
        "2012-06-08T10:00:00Z; DROP",
    ],
)
def test_what_cannot_be_a_time_is_refused_by_name(sent):
    with pytest.raises(ProtocolError, match="currentTime: expected a time like 2012-06-08T10:00:00Z, got '"):
        read(m.HeartbeatResponse, f"<currentTime>{sent}</currentTime>")


def test_a_value_that_is_not_understood_is_said_however_much_else_was_odd():
    many = "".join(f"<x{number}/>" for number in range(150))
    values = "<meterValues><timestamp>2012-06-08T10:00:00Z</timestamp><value>7</value></meterValues>"
    message, warnings = read_stop(more=many + values)
    assert message == STOP
    assert len(warnings) == 100
    assert warnings[-1] == ("unread_value", "meterValues", "2012-06-08T10:00:00Z 7")


@pytest.mark.parametrize("version", Version, ids=str)
@pytest.mark.parametrize(
    ("values", "where", "sent"),
    [
        ("<values>77</values>", "values", "77"),
        ('<values timestamp="2012-06-08T10:00:00Z" value="77"/>', "values", "2012-06-08T10:00:00Z 77"),
        (f"<values>{TIME} 77 </values>", "values", "77"),
        (f"<values>{TIME}<value/>77</values>", "values", "77"),
        (f"<values>{TIME}<energy>77</energy></values>", "energy", "77"),
        (f'<values>{TIME}<value wh="77"/></values>', "value", "77"),
        (f"<values>{TIME}<value><wh>77</wh></value></values>", "value", "77"),
        (f"<values>{TIME}<energy><wh>7</wh><digits>7</digits></energy></values>", "energy", "7 7"),
        ("77", "meterValuesRequest", "77"),
    ],
)
def test_what_stands_in_the_place_of_a_meter_value_is_said(values, where, sent, version):
    inner = f"<connectorId>1</connectorId>{values}"
    message, warnings = read(m.MeterValuesRequest, inner, version, CS_12 if version is Version.V12 else CS_15)
    assert [sample for value in message.values for sample in value.value] == []
    assert [warning for warning in warnings if warning[0] == "unread_value"] == [("unread_value", where, sent)]


@pytest.mark.parametrize(
    ("data", "where"),
    [("77", "transactionData"), ("<values>77</values>", "values"), ("<reading>77</reading>", "reading")],
)
def test_what_stands_in_the_place_of_transaction_data_is_said(data, where):
    _, warnings = read_stop(data=f"<transactionData>{data}</transactionData>")
    assert [warning for warning in warnings if warning[0] == "unread_value"] == [("unread_value", where, "77")]


@pytest.mark.parametrize(
    "values",
    [
        "",
        "<values/>",
        "<values xsi:nil='true'/>",
        f"<values>{TIME}</values>",
        f"<values>{TIME}<value/></values>",
        f"<values>{TIME}<value unit='Wh'> </value></values>",
    ],
)
def test_where_nothing_stands_in_the_place_of_a_meter_value_nothing_was_unread(values):
    _, warnings = read(m.MeterValuesRequest, f"<connectorId>1</connectorId>{values}", attributes=XSI)
    assert "unread_value" not in {kind for kind, _, _ in warnings}


@pytest.mark.parametrize(
    ("values", "stored", "unread"),
    [
        (f"{TIME}<value>1.5<unit>kWh</unit></value>", [("1.5", "kWh")], []),
        (f"{TIME}<sampledValue><unit>kWh</unit> 1.5 </sampledValue>", [("1.5", "kWh")], []),
        (f"{TIME}<sampledValue><value>1</value><value>2</value></sampledValue>", [("1", None)], ["2"]),
        (f"{TIME}<values><value>1.5</value><unit>kWh</unit></values>", [("1.5", "kWh")], []),
        (f"{TIME}<values><value>1</value><sampledValue>2</sampledValue></values>", [("1", None)], ["2"]),
        (f"{TIME}<values>{TIME}<value>1</value></values>", [("1", None)], ["2012-06-08T10:00:00Z"]),
        (f"{TIME}<sampledValue><value>1</value><phase>L1</phase></sampledValue>", [("1", None)], []),
        (f'{TIME}<sampledValue><value unit="kWh">1.5</value></sampledValue>', [("1.5", "kWh")], []),
        (f'{TIME}<value><value unit="kWh">1.5</value></value>', [("1.5", "kWh")], []),
        (f"{TIME}<value>1</value><value><reading>2</reading></value>", [("1", None)], ["2"]),
        (f'{TIME}<value value="2"/>', [], ["2"]),
        (f"{TIME}<value>1</value><reading>2</reading>", [("1", None)], ["2"]),
        (f"{TIME}<value/>", [], []),
        (f'{TIME}<value unit="kWh" phase=" "/>', [], []),
    ],
)
@pytest.mark.parametrize("version", Version)
def test_a_meter_value_in_no_known_shape_is_said_to_be_unread(values, stored, unread, version):
    message, warnings = read(
        m.MeterValuesRequest,
        f"<connectorId>1</connectorId><values>{values}</values>",
        version,
        service_namespace(m.Role.CENTRAL_SYSTEM, version),
    )
    assert [(sample.value, sample.unit) for sample in message.values[0].value] == stored
    assert [sent for kind, _, sent in warnings if kind == "unread_value"] == unread
