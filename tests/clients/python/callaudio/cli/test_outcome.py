"""Errors have exit codes; test_program runs commands that end with each."""

from __future__ import annotations

import pytest
from callaudio import CallDetails, DownloadError, ResultError, UnreachableError, WaitTimeoutError
from callaudio.cli.outcome import CommandError, Exit, describe, exit_code
from callaudio.cli.profiles import ProfileError

from tests.clients.python.callaudio.documents import call_details

CALL = CallDetails.from_dict(call_details())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CommandError("no player"), Exit.FAILED),
        (CommandError("no answer", Exit.USAGE), Exit.USAGE),
        (ProfileError("no profile"), Exit.NOT_FOUND),
        (UnreachableError("no answer"), Exit.UNREACHABLE),
        (ResultError(CALL), Exit.WRONG_STATE),
        (WaitTimeoutError(CALL, 1), Exit.TIMEOUT),
        (DownloadError("ended early"), Exit.FAILED),
        (PermissionError(13, "Permission denied", "call.wav"), Exit.FAILED),
    ],
)
def test_errors_have_exit_codes(error: Exception, expected: Exit) -> None:
    assert exit_code(error) == expected
    assert describe(error) == {"error": str(error), "exit_code": int(expected)}
