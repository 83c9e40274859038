"""What the errors of pymongo mean: whether to try again, and whether a document is too large."""

from __future__ import annotations

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

# Shutting down, stepping down, not (yet) the primary, interrupted, out of time: another attempt may find a server.
_PASSING = frozenset({6, 7, 50, 64, 89, 91, 189, 262, 358, 9001, 10107, 11600, 11602, 13435, 13436})
_TOO_LARGE = frozenset({10334, 17419, 17420})


def is_too_large(error: PyMongoError | BSONError) -> bool:
    """Whether a document exceeds what MongoDB holds, as the driver or the server found."""
    if isinstance(error, OperationFailure):
        details = error.details or {}
        return bool(_TOO_LARGE & {error.code, *(problem.get("code") for problem in details.get("writeErrors", ()))})
    return isinstance(error, DocumentTooLarge)


def is_passing(error: PyMongoError) -> bool:
    """Whether the same operation may succeed later."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        problems = [*details.get("writeConcernErrors", ()), *details.get("writeErrors", ())]
        return any(problem.get("code") in _PASSING for problem in problems)
    if isinstance(error, (ConnectionFailure, WTimeoutError)) or error.timeout:
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING
