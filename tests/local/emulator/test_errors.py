"""The emulator's error: what ACS answers."""

from __future__ import annotations

from local.emulator.errors import AcsError, call_not_found


def test_an_error_has_a_status_a_code_and_a_message() -> None:
    error = AcsError(409, "8585", "Media streaming is already started.")
    assert (error.status, error.code) == (409, "8585")
    assert str(error) == "Media streaming is already started."


def test_a_missing_call_is_acs_s_404() -> None:
    error = call_not_found()
    assert (error.status, error.code) == (404, "8522")
    assert call_not_found() is not error, "a raised error keeps its traceback: never share one"
