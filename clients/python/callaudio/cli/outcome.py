"""How a command ends: its exit code, and what it says of an error.

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | the app refused, or something failed; the message says what |
| 2 | the command is used wrongly |
| 3 | the call, file or profile does not exist, or was deleted |
| 4 | the key is wrong, or its role does not allow this |
| 5 | the app does not answer |
| 6 | not in this state: the call has ended, its result is not final, a hold forbids it |
| 7 | the time for waiting is over |
| 130 | stopped by Ctrl-C |
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from callaudio.cli.profiles import ProfileError
from callaudio.errors import (
    CallAudioError,
    ProblemError,
    ResultError,
    UnexpectedStatus,
    UnreachableError,
    WaitTimeoutError,
)


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    UNREACHABLE = 5
    WRONG_STATE = 6
    TIMEOUT = 7
    STOPPED = 130


class CommandError(Exception):
    """Raised when a command cannot do what it was asked for."""

    def __init__(self, message: str, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


EXPECTED = (CallAudioError, CommandError, ProfileError, UnexpectedStatus, OSError)
"""What a command may raise: the user sees the message, and no traceback."""

_OF_STATUS = {
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    409: Exit.WRONG_STATE,
    410: Exit.NOT_FOUND,
}


def exit_code(error: Exception) -> Exit:
    """Return the exit code for an error."""
    match error:
        case CommandError():
            return error.exit_code
        case ProblemError():
            return _OF_STATUS.get(error.status, Exit.FAILED)
        case ProfileError():
            return Exit.NOT_FOUND
        case UnreachableError():
            return Exit.UNREACHABLE
        case ResultError():
            return Exit.WRONG_STATE
        case WaitTimeoutError():
            return Exit.TIMEOUT
    return Exit.FAILED


def describe(error: Exception) -> dict[str, Any]:
    """Return an error for ``--json``."""
    document: dict[str, Any] = {"error": str(error), "exit_code": int(exit_code(error))}
    if isinstance(error, ProblemError):
        document |= {"status": error.status, "code": error.code}
    return document
