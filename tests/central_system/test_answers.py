"""What is said of a tag never makes a fault of a start or a stop, in either version, through the whole SOAP way."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import pytest
from structlog.testing import capture_logs

from ocpp_soap.central_system import Tag
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.namespaces import service_namespace
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings

AUTHORIZE = "<c:authorizeRequest><c:idTag>A</c:idTag></c:authorizeRequest>"
START = (
    "<c:startTransactionRequest><c:connectorId>1</c:connectorId><c:idTag>A</c:idTag>"
    "<c:timestamp>2026-01-05T12:00:00Z</c:timestamp><c:meterStart>0</c:meterStart></c:startTransactionRequest>"
)
STOP = (
    "<c:stopTransactionRequest><c:transactionId>1</c:transactionId><c:idTag>A</c:idTag>"
    "<c:timestamp>2026-01-05T13:00:00Z</c:timestamp><c:meterStop>9</c:meterStop></c:stopTransactionRequest>"
)


@pytest.fixture
def post():
    """Post a request to a central system in a version, and get the answer's text."""

    def send(system, body, version, status="200"):
        settings = server_settings(system.settings, Role.CENTRAL_SYSTEM)
        server = SoapServer(Role.CENTRAL_SYSTEM, system.receive, settings, [system.observe])
        envelope = (
            '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" '
            f'xmlns:c="{service_namespace(Role.CENTRAL_SYSTEM, version)}"><S:Header>'
            f"<c:chargeBoxIdentity>CP001</c:chargeBoxIdentity></S:Header><S:Body>{body}</S:Body></S:Envelope>"
        ).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/Ocpp/CentralSystemService",
            "CONTENT_LENGTH": str(len(envelope)),
            "CONTENT_TYPE": "application/soap+xml",
            "wsgi.input": io.BytesIO(envelope),
        }
        statuses = []
        answer = b"".join(server(environ, lambda status, *_: statuses.append(status))).decode()
        assert statuses[0].startswith(status), answer
        return answer

    return send


@pytest.mark.parametrize("body", [AUTHORIZE, START, STOP])
def test_a_parent_that_a_version_has_no_room_for_is_left_out_with_a_warning(make_central_system, post, body):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A", parent_id_tag="P" * 18))
    assert f">{'P' * 18}<" in post(system, body, Version.V15)
    with capture_logs() as logs:
        answer = post(system, body, Version.V12)
    assert "Accepted" in answer
    assert "parentIdTag" not in answer
    assert "the parentIdTag is too long for the version of the station and was left out" in [
        line["event"] for line in logs
    ]
    system.journal.flush()
    assert [entry.warnings[0]["kind"] for entry in system.journal.list().items if entry.version == "1.2"] == [
        "parent_left_out"
    ]


def test_a_first_answer_in_1_5_is_given_again_in_1_2(make_central_system, post):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A", parent_id_tag="P" * 18))
    first = post(system, START, Version.V15)
    again = post(system, START, Version.V12)
    assert first.partition("transactionId>")[2][:3] == again.partition("transactionId>")[2][:3]
    assert len(system.transactions.list().items) == 1


NONSENSE = {
    "nothing": "None",
    "another message": "HeartbeatResponse(current_time=NOW)",
    "no info": "AuthorizeResponse(id_tag_info=None)",
    "a word": 'AuthorizeResponse(id_tag_info=IdTagInfo(status="maybe"))',
    "a number for the parent": 'AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted", parent_id_tag=7))',
    "a text for the date": 'AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted", expiry_date="tomorrow"))',
    "an error": "1 / 0",
    "the end of the program": "exit(1)",
}


@pytest.fixture
def with_handler(make_central_system, tmp_path):
    """A central system with one handler of somebody's own: the name of its file, and its text."""

    def make(name, text):
        folder = tmp_path / "mine" / "central_system"
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        return make_central_system(tmp_path / "mine")

    return make


@pytest.fixture
def with_authorize(with_handler):
    """A central system whose Authorize handler returns an expression."""

    def make(expression):
        return with_handler(
            "authorize.py",
            "from datetime import datetime, timedelta, timezone\nfrom ocpp_soap.messages import *\n"
            f"NOW = datetime.now()\ndef handle(request, call):\n    return {expression}\n",
        )

    return make


@pytest.mark.parametrize("expression", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("version", list(Version))
def test_a_handler_that_fails_or_says_nonsense_loses_no_start_and_no_stop(with_authorize, post, expression, version):
    system = with_authorize(expression)
    with capture_logs() as logs:
        assert ">Invalid<" in post(system, START, version)
        assert ">Invalid<" in post(system, STOP, version)
    (transaction,) = system.transactions.list().items
    assert (transaction.state, transaction.energy) == ("closed", 9)
    failures = [line for line in logs if line["event"].startswith("the handler of Authorize failed")]
    assert [line["action"] for line in failures] == ["StartTransaction", "StopTransaction"]


def test_a_text_that_a_handler_adds_to_the_warnings_loses_no_start_and_no_line_of_the_journal(with_authorize, post):
    system = with_authorize(
        '[call.warnings.append("odd"), AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted"))][1]'
    )
    with capture_logs() as logs:
        assert ">Accepted<" in post(system, START, Version.V15)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "a handler added to call.warnings what is no MessageWarning; it was left out"
    ]
    system.journal.flush()
    assert [entry.outcome for entry in system.journal.list().items] == ["ok"]


def test_a_text_among_the_warnings_of_any_handler_is_left_out(with_handler, post):
    text = "def handle(request, call):\n    call.warnings.append('odd')\n    1 / 0\n"
    system = with_handler("start_transaction.py", text)
    assert ":InternalError<" in post(system, START, Version.V15, status="500")
    system.journal.flush()
    assert [entry.outcome for entry in system.journal.list().items] == ["InternalError"]


def test_a_date_without_zone_means_utc(with_authorize, post):
    expression = 'AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted", expiry_date=datetime(2030, 1, 1)))'
    system = with_authorize(expression)
    assert "2030-01-01T00:00:00Z" in post(system, START, Version.V15)
    (transaction,) = system.transactions.list().items
    assert transaction.id_tag_info["expiry_date"] == datetime(2030, 1, 1, tzinfo=timezone.utc)


UNSENDABLE = {
    "never, west of UTC": (
        "expiry_date=datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-5)))",
        "the expiryDate cannot be told in UTC and was left out",
    ),
    "the year 1, east of UTC": (
        "expiry_date=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))",
        "the expiryDate cannot be told in UTC and was left out",
    ),
    "a parent with NUL": (
        r'parent_id_tag="GROUP\0\0"',
        "the parentIdTag holds a character that XML cannot carry and was left out",
    ),
    "a parent with half a character": (
        r'parent_id_tag="\ud83d"',
        "the parentIdTag holds a character that XML cannot carry and was left out",
    ),
}


@pytest.mark.parametrize(("field", "told"), UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_no_answer_can_hold_is_left_out_with_a_warning(with_authorize, post, field, told):
    system = with_authorize(f'AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted", {field}))')
    with capture_logs() as logs:
        answers = [post(system, body, Version.V15) for body in (START, START, AUTHORIZE, STOP)]
    assert all("Accepted" in answer for answer in answers)
    assert not any("expiryDate" in answer or "parentIdTag" in answer for answer in answers)
    (transaction,) = system.transactions.list().items
    assert (transaction.state, transaction.id_tag_info) == ("closed", {"status": "Accepted"})
    assert told in [line["event"] for line in logs]


def test_a_date_in_another_zone_is_kept_and_told_in_utc(with_authorize, post):
    date = "datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=-5)))"
    system = with_authorize(f'AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted", expiry_date={date}))')
    for body in (START, AUTHORIZE):
        assert "2030-01-01T05:00:00Z" in post(system, body, Version.V12)


def test_a_start_that_is_refused_by_a_fault_of_ones_own_is_kept(with_handler, post):
    system = with_handler(
        "start_transaction.py",
        "from ocpp_soap.errors import SecurityError\nclass Stolen(SecurityError): pass\n"
        "def handle(request, call):\n    raise Stolen('a stolen tag')\n",
    )
    assert ":SecurityError<" in post(system, START, Version.V15, status="400")
    assert [kept.outcome for kept in system.kept.list().items] == ["SecurityError"]
