"""Settings: defaults in one file, then an operator's file, then the environment; nothing wrong goes through."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel
from structlog.testing import capture_logs

import ocpp_soap
from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import ALL
from ocpp_soap.central_system.command_queue.back_off import BackOff
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.paths import bundled
from ocpp_soap.setting_types import LONGEST_WAIT, TimeSeries

ROOT = Path(ocpp_soap.__file__).parent


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as refused:
        config.load(file, environ or {})
    return str(refused.value)


def test_the_defaults_alone_are_complete() -> None:
    settings = config.load(None, {})
    assert settings.server.port == 9220
    assert settings.storage.backend == "file"
    assert settings.registration.unknown_charge_points == "accept"
    assert settings.authorization.unknown_tags == "reject"


def test_the_file_overrides_the_defaults_key_by_key(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, "server: {port: 9999}\nstorage: {file: {path: other.sqlite}}"), {})
    assert settings.server.port == 9999
    assert settings.server.host == "0.0.0.0"
    assert settings.storage.file.path == Path("other.sqlite")
    assert settings.storage.backend == "file"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environ = {"OCPP_SOAP__SERVER__PORT": "9998", "OCPP_SOAP__STORAGE__FILE__PATH": "/data/x.sqlite", "PATH": "/bin"}
    settings = config.load(write(tmp_path, "server: {port: 9999, host: 10.0.0.1}"), environ)
    assert settings.server.port == 9998
    assert settings.server.host == "10.0.0.1"
    assert settings.storage.file.path == Path("/data/x.sqlite")


def test_lists_in_the_environment_are_json() -> None:
    environ = {"OCPP_SOAP__CALLS__ALLOWED_NETWORKS": '["10.0.0.0/8", "::1/128"]', "OCPP_SOAP__HANDLERS__PATHS": '["h"]'}
    settings = config.load(None, environ)
    assert settings.calls.allowed_networks == [ip_network("10.0.0.0/8"), ip_network("::1/128")]
    assert settings.handlers.paths == [Path("h")]


def test_a_byte_order_mark_as_windows_writes_it_is_passed_over(tmp_path: Path) -> None:
    assert config.load(write(tmp_path, "\ufeffserver: {port: 9999}\n"), {}).server.port == 9999


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert config.load(write(tmp_path, "# nothing yet\n"), {}).server == config.load(None, {}).server


@pytest.mark.parametrize(
    ("text", "key", "value", "expected"),
    [
        ("server: {prot: 9220}", "server.prot", "9220", "did you mean server.port?"),
        ("servr: {port: 9220}", "servr", "{'port': 9220}", "did you mean server?"),
        ("server: {port: many}", "server.port", "'many'", "integer"),
        ("server: {port: 70000}", "server.port", "70000", "less than or equal to 65535"),
        ("server: {workers: yes}", "server.workers", "True", "another kind of value than true or false"),
        ("server:", "server", "None", "a section"),
        ("server: {public_url: ocpp.example.com}", "server.public_url", "'ocpp.example.com'", "a URL such as"),
        ("soap: {validation: loose}", "soap.validation", "'loose'", "'lenient' or 'strict'"),
        ("calls: {allowed_networks: [10.0.0.1/8]}", "calls.allowed_networks.0", "'10.0.0.1/8'", "an IP network"),
        ("calls: {allowed_networks: [10]}", "calls.allowed_networks.0", "10", "an IP network"),
        ("calls: {allowed_networks: [null]}", "calls.allowed_networks.0", "None", "an IP network"),
        ("calls: {allowed_networks: 10.0.0.0/8}", "calls.allowed_networks", "'10.0.0.0/8'", "a list"),
        ("storage: {backend: oracle}", "storage.backend", "'oracle'", "'file', 'mongodb' or 'firebase'"),
        ("server: {threads: 100, max_waiting: 100}", "server.max_waiting", "100", "below server.threads"),
        ("storage: {file: {path: ''}}", "storage.file.path", "''", "the path of a file"),
        ("storage: {file: {path: /}}", "storage.file.path", "'/'", "the path of a file"),
        ("files: {path: ''}", "files.path", "''", "a path"),
        ("handlers: {paths: ['']}", "handlers.paths.0", "''", "a path"),
        ("calls: {timeout: 0}", "calls.timeout", "0", "greater than 0"),
        ("calls: {timeout: .inf}", "calls.timeout", "inf", "less than or equal to 86400"),
        ("commands: {deadline: 100000000000}", "commands.deadline", "100000000000", "equal to 31536000000"),
        ("watch: {open_transaction: 100000000000}", "watch.open_transaction", "100000000000", "equal to 31536000000"),
        ("journal: {keep_days: 999999}", "journal.keep_days", "999999", "less than or equal to 365000"),
        (
            "registration: {heartbeat_interval: 3000000000}",
            "registration.heartbeat_interval",
            "3000000000",
            "less than or equal to 2592000",
        ),
        (
            "storage: {mongodb: {retention_days: {metervalues: 1}}}",
            "storage.mongodb.retention_days.metervalues",
            "'metervalues'",
            "'meter_values', 'statuses', 'notifications', 'events', 'messages' or 'audit'",
        ),
        (
            "storage: {mongodb: {retention_days: {statuses: 24856}}}",
            "storage.mongodb.retention_days.statuses",
            "24856",
            "less than or equal to 24855",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_key_value_and_what_was_expected(
    tmp_path: Path, text: str, key: str, value: str, expected: str
) -> None:
    file = write(tmp_path, text)
    message = refusal(file)
    assert message.startswith(f"{file}: {key}: ")
    assert value in message
    assert expected in message


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("OCPP_SOAP__SERVR__PORT", "1", "", "did you mean server.port?"),
        ("OCPP_SOAP__SERVER__PROT", "1", "", "did you mean server.port?"),
        ("OCPP_SOAP__SERVER__PORT__X", "1", "", "unknown setting"),
        ("OCPP_SOAP__SERVER", '{"port": 1}', "", "unknown setting"),
        ("OCPP_SOAP__SERVER", '{"port": 1}', "", "name one of that section, such as OCPP_SOAP__SERVER__HOST"),
        ("OCPP_SOAP_SERVER__PORT", "1", "", "did you mean OCPP_SOAP__SERVER__PORT?"),
        ("OCPP_SOAP__SERVER__PORT", "x", "server.port", "integer"),
        ("OCPP_SOAP__HANDLERS__PATHS", "folder", "handlers.paths", "a list or a mapping as JSON"),
        ("OCPP_SOAP__LOG__FORMAT", "xml", "log.format", "'console' or 'json'"),
    ],
)
def test_a_wrong_environment_is_refused_with_name_value_and_what_was_expected(
    name: str, value: str, key: str, expected: str
) -> None:
    message = refusal(environ={name: value})
    assert name in message
    assert key in message
    assert value in message
    assert expected in message


def test_settings_that_do_not_fit_are_named_with_where_each_came_from(tmp_path: Path) -> None:
    file = write(tmp_path, "server: {tls_certificate: c.pem, max_waiting: 800}")
    environ = {"OCPP_SOAP__SERVER__THREADS": "700"}
    assert refusal(file, environ).splitlines() == [
        "environment variable OCPP_SOAP__SERVER__THREADS: server.threads: 700 is not usable beside "
        f"server.max_waiting: 800 ({file}); expected server.max_waiting below server.threads",
        f"{file}: server.tls_certificate: 'c.pem' is not usable beside server.tls_key: '' (config/default.yaml); "
        "expected server.tls_certificate and server.tls_key together",
    ]


def test_an_authority_for_clients_needs_tls() -> None:
    message = refusal(environ={"OCPP_SOAP__SERVER__TLS_CLIENT_CA": "ca.pem"})
    assert message.startswith("environment variable OCPP_SOAP__SERVER__TLS_CLIENT_CA: server.tls_client_ca: 'ca.pem' ")


def test_what_mongodb_can_remove_by_its_age_is_every_time_series() -> None:
    assert set(get_args(TimeSeries)) == {collection.name for collection in ALL if collection.append_only}


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "server: {port: x, prot: 1}\nlog: {level: loud}"))
    assert len(message.splitlines()) == 3


def test_problems_of_the_file_are_told_beside_names_in_the_environment_that_no_setting_has(tmp_path: Path) -> None:
    environ = {"OCPP_SOAP__SERVR__PORT": "1", "OCPP_SOAP__SERVER__PROT": "1", "OCPP_SOAP__LOG__FORMAT": "xml"}
    message = refusal(write(tmp_path, "server: {prot: 1}"), environ)
    assert {line.split(": ")[0] for line in message.splitlines()} == {
        "OCPP_SOAP__SERVER__PROT=1",
        "OCPP_SOAP__SERVR__PORT=1",
        "environment variable OCPP_SOAP__LOG__FORMAT",
        str(tmp_path / "settings.yaml"),
    }


def test_variables_that_others_set_for_a_service_of_our_name_are_none_of_ours() -> None:
    kubernetes = {
        "OCPP_SOAP_SERVICE_HOST": "10.0.0.1",
        "OCPP_SOAP_PORT_9220_TCP": "tcp://…",
        "OCPP_SOAP_SERVER_PORT": "x",
    }
    assert config.load(None, kubernetes).server.port == 9220


def test_a_section_that_is_named_twice_is_refused_rather_than_half_forgotten(tmp_path: Path) -> None:
    file = write(tmp_path, "server: {host: 127.0.0.1}\nlog: {level: info}\nserver: {port: 20998}")
    assert refusal(file) == f"{file}: line 3: 'server' is named in line 1 already; expected it once"


def test_a_setting_that_two_variables_name_is_refused() -> None:
    message = refusal(environ={"OCPP_SOAP__SERVER__PORT": "1", "ocpp_soap__server__port": "2"})
    assert message == "ocpp_soap__server__port=2: OCPP_SOAP__SERVER__PORT is the same setting; expected one of them"


def test_what_overrides_the_environment_does_so_however_it_is_written_there() -> None:
    environ = config.overridden({"ocpp_soap__server__port": "2", "PATH": "/bin"}, {"OCPP_SOAP__SERVER__PORT": "1"})
    assert environ == {"OCPP_SOAP__SERVER__PORT": "1", "PATH": "/bin"}


@pytest.mark.parametrize("text", ["- a list", "just text", "server: [", "1: 2"])
def test_a_file_that_holds_no_sections_is_refused(tmp_path: Path, text: str) -> None:
    assert "settings.yaml" in refusal(write(tmp_path, text))


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "server: {port: 9220}\nlog: {level: info}\nserver: {workers: 2}"))
    assert "line 3: 'server' is named in line 1 already" in message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing.yaml")


def keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    found = set()
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type(BaseModel)):
            found |= keys(info.annotation, f"{prefix}{name}.")
        else:
            assert info.is_required(), f"{prefix}{name} has a default outside config/default.yaml"
            found.add(prefix + name)
    return found


def leaves(content: dict[str, object], prefix: str = "") -> set[str]:
    found = set()
    for name, value in content.items():
        found |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name}
    return found


def test_every_default_is_in_the_file_and_nowhere_else() -> None:
    content = yaml.safe_load((bundled("config") / "default.yaml").read_text("utf-8"))
    assert leaves(content) == keys(config.Settings)


def test_every_setting_is_read_somewhere() -> None:
    sources = [file for file in ROOT.rglob("*.py") if file != ROOT / "settings.py"]
    code = "".join(file.read_text("utf-8") for file in sources)
    names = {key: key.rsplit(".", 1)[1] for key in keys(config.Settings)}
    assert [key for key, name in names.items() if not re.search(rf"\.{name}\b", code)] == []


def test_the_longest_times_that_are_taken_can_be_added_and_waited_for(tmp_path: Path) -> None:
    longest = {
        "commands": {"deadline": 31_536_000_000, "first_retry": 31_536_000_000, "longest_retry": 31_536_000_000},
        "watch": {"silent_after_heartbeats": 10_000, "open_transaction": 31_536_000_000},
        "registration": {"heartbeat_interval": 2_592_000},
        "files": {"path": str(tmp_path), "lifetime": 31_536_000_000},
        "journal": {"keep_days": 365_000},
        "events": {"retention_days": 365_000},
        "storage": {"file": {"path": str(tmp_path / "store.sqlite")}},
    }
    settings = config.load(write(tmp_path, yaml.safe_dump(longest)), {})
    with CentralSystem.open(settings) as system, capture_logs() as logged:
        system.stations.allow("CP001")
        (command,) = system.command_queue.create("ClearCache", {}, ["CP001"])
        assert command.deadline.year > 3000
        pauses = BackOff(settings.commands.first_retry, settings.commands.longest_retry)
        assert pauses.next_due(1, command.created_at).year > 3000
        system.duties.do_all()
        system.journal.forget_old(command.created_at)
    assert logged == []
    with socket.socket() as waiting:
        waiting.settimeout(LONGEST_WAIT)


def test_every_setting_has_a_comment() -> None:
    lines = (bundled("config") / "default.yaml").read_text("utf-8").splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r" +\w+: ", line)]
    assert len(settings) == len(keys(config.Settings))
    assert [lines[n] for n in settings if not lines[n - 1].lstrip().startswith("#")] == []


@pytest.mark.parametrize(
    "url", ["mongdb://ocpp:sEcReT@db1/x", "mongodb:/ocpp:sEc/ReT@db1/x", "ocpp:s@Ec@ReT@db1/x", "//ocpp:sEcReT@db1/x"]
)
@pytest.mark.parametrize(
    "text",
    [
        "storage: {{mongodb: {{url: '{url}'}}}}",
        "storage: {{mongodb: {{uri: '{url}'}}}}",
        "storage: {{mongodb: {{'{url}': 1}}}}",
        "storage: {{mongodb: '{url}'}}",
        "storage: [{{mongodb: {{url: '{url}'}}}}]",
        "server: {{public_url: '{url}'}}",
        "calls: {{allowed_networks: ['{url}']}}",
        "'{url}'",
    ],
)
def test_the_password_of_a_wrong_url_is_not_shown(tmp_path: Path, text: str, url: str) -> None:
    refused = refusal(write(tmp_path, text.format(url=url)))
    assert "…@db1/x" in refused
    assert not re.search("ocpp:s|ReT", refused)


def test_the_password_of_a_wrong_url_in_the_environment_is_not_shown() -> None:
    refused = refusal(environ={"OCPP_SOAP__STORAGE__MONGODB__URL": "mongdb://ocpp:sEcReT@db1/x"})
    assert "storage.mongodb.url: 'mongdb://…@db1/x' is not usable" in refused
    refused = refusal(environ={"OCPP_SOAP__STORAGE__MONGODB__URI": "mongodb://ocpp:sEcReT@db1/x"})
    assert "OCPP_SOAP__STORAGE__MONGODB__URI=mongodb://…@db1/x: unknown setting" in refused


def test_the_password_in_a_line_that_is_not_yaml_is_not_shown(tmp_path: Path) -> None:
    refused = refusal(write(tmp_path, "storage:\n  mongodb:\n    url: mongodb://ocpp:sEcReT@db1/x: y\n"))
    assert "mongodb://…@db1/x" in refused
