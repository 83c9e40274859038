"""What the Firebase store says when Cloud Firestore has no such database, lacks an index or refuses the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from storage_contract import READINGS, STATIONS

from ocpp_soap.cli import main
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.firebase import FirebaseStorage

ABSENT = (grpc.StatusCode.NOT_FOUND, "The database ocpp does not exist for project my-project")
DATASTORE_MODE = (
    grpc.StatusCode.FAILED_PRECONDITION,
    "The Cloud Firestore API is not available for Firestore in Datastore Mode database projects/my-project/databases/x",
)
NO_INDEX = (grpc.StatusCode.FAILED_PRECONDITION, "The query requires an index. You can create it here: https://…")
NOT_ALLOWED = (grpc.StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.")
KEY_REMOVED = (
    grpc.StatusCode.UNAVAILABLE,
    "Getting metadata from plugin failed with error: ('invalid_grant: Invalid JWT Signature.', {})",
)
NO_WAY_TO_TOKENS = (
    grpc.StatusCode.UNAVAILABLE,
    "Getting metadata from plugin failed with error: HTTPSConnectionPool(host='oauth2.googleapis.com', port=443): …",
)
SENTENCE = (
    r"the database index-1 of project my-project is not there or not in native mode: create it, or check "
    r"storage\.firebase\.database and storage\.firebase\.project_id"
)


class Refusing(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A Firestore that answers every call with the same error."""

    answer = ABSENT

    def service(self, _: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(lambda _, context: context.abort(*self.answer))


@pytest.fixture
def firestore(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    refusing = Refusing()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[refusing])
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    yield refusing
    server.stop(0).wait()


@pytest.fixture
def store(firestore: Refusing) -> Iterator[FirebaseStorage]:
    with closing(FirebaseStorage("my-project", database="index-1", timeout=5)) as opened:
        # The database vanishes when all collections were used.
        opened._prepared.update([STATIONS, READINGS])
        yield opened


OPERATIONS: dict[str, Callable[[FirebaseStorage], object]] = {
    "create": lambda store: store.create(STATIONS, "CP1", {}),
    "get": lambda store: store.get(STATIONS, "CP1"),
    "get_many": lambda store: store.get_many(STATIONS, ["CP1"]),
    "replace": lambda store: store.replace(STATIONS, "CP1", {}, revision=1),
    "put": lambda store: store.put(STATIONS, {"CP1": {}}),
    "delete": lambda store: store.delete(STATIONS, "CP1"),
    "delete of a revision": lambda store: store.delete(STATIONS, "CP1", revision=1),
    "delete_where": lambda store: store.delete_where(STATIONS, {"vendor": "A"}),
    "find": lambda store: store.find(STATIONS),
    "count": lambda store: store.count(STATIONS),
    "increment": lambda store: store.increment("transactions"),
    "append": lambda store: store.append(READINGS, [("a", {})]),
    "check": lambda store: store.check(),
}


@pytest.mark.parametrize("answer", [ABSENT, DATASTORE_MODE], ids=["absent", "Datastore mode"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_every_operation_says_that_the_database_is_not_there(
    firestore: Refusing,
    store: FirebaseStorage,
    operation: Callable[[FirebaseStorage], object],
    answer: tuple[grpc.StatusCode, str],
) -> None:
    firestore.answer = answer
    with pytest.raises(StoreUnavailable, match=SENTENCE):
        operation(store)


def test_the_first_use_of_a_collection_says_so_too(store: FirebaseStorage) -> None:
    store._prepared.clear()
    with pytest.raises(StoreUnavailable, match=SENTENCE):
        store.get(STATIONS, "CP1")


@pytest.mark.parametrize("arguments", [["tags", "list"], ["storage", "check"]])
@pytest.mark.usefixtures("firestore")
def test_a_command_says_it_in_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    config = tmp_path / "ocpp-soap.yaml"
    config.write_text("storage: {backend: firebase, firebase: {project_id: my-project, database: index-1}}\n")
    result = CliRunner().invoke(main, ["--config", str(config), *arguments])
    assert "Error: Cloud Firestore: the database index-1 of project my-project is not there" in result.output
    assert result.exit_code == 5


def test_a_missing_index_is_told_with_the_command_that_prints_it(firestore: Refusing, store: FirebaseStorage) -> None:
    firestore.answer = NO_INDEX
    with pytest.raises(StoreUnavailable, match="lacks an index: deploy what `ocpp-soap storage indexes` prints"):
        store.find(STATIONS, {"vendor": "A"})


def test_a_user_that_is_refused_is_told_the_role_it_needs(firestore: Refusing, store: FirebaseStorage) -> None:
    firestore.answer = NOT_ALLOWED
    with pytest.raises(StoreUnavailable, match=r"refuses this user: .* the role roles/datastore\.user \(403 Missing"):
        store.get(STATIONS, "CP1")


@pytest.mark.parametrize("answer", [KEY_REMOVED, NO_WAY_TO_TOKENS], ids=["key removed", "no way"])
def test_credentials_with_which_no_token_can_be_had_are_named(
    firestore: Refusing, store: FirebaseStorage, answer: tuple[grpc.StatusCode, str]
) -> None:
    firestore.answer = answer
    begin = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"no access token: check storage\.firebase\.credentials, the clock of"):
        store.get(STATIONS, "CP1")
    is_tried_again = answer is NO_WAY_TO_TOKENS
    assert (time.monotonic() - begin > 4) == is_tried_again
