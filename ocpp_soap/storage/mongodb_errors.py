"""What an error of pymongo means: whether to try again, whether the user is refused."""

from __future__ import annotations

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

AUTHENTICATION_FAILED = 18
UNAUTHORIZED = 13
INDEX_NOT_FOUND = 27

# Shutting down, stepping down, not (yet) the primary, interrupted, out of time: another attempt may find a server.
_PASSING = frozenset({6, 7, 50, 64, 89, 91, 189, 262, 358, 9001, 10107, 11600, 11602, 13435, 13436})


def reason(error: PyMongoError) -> str:
    """What the server says, of several operations that it refuses that of the first."""
    details = (error.details or {}) if isinstance(error, BulkWriteError) else {}
    problems = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    return str(problems[0]["errmsg"]) if problems else str(error)


def is_passing(error: PyMongoError) -> bool:
    """Whether the same operation may succeed later."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        problems = [*details.get("writeConcernErrors", ()), *details.get("writeErrors", ())]
        return any(problem.get("code") in _PASSING for problem in problems)
    if isinstance(error, (ConnectionFailure, WTimeoutError)) or error.timeout:
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING
