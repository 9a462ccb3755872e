"""The errors of REST calls."""

from __future__ import annotations

from local.emulator.errors import AcsError, call_not_found


def test_errors_have_a_status_and_acs_s_code() -> None:
    error = AcsError(409, "8501", "The call is not established.")
    assert (error.status, error.code, str(error)) == (
        409,
        "8501",
        "The call is not established.",
    )
    assert (call_not_found().status, call_not_found().code) == (404, "8522")
