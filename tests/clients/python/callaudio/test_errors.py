"""Errors are of one tree, and their texts say what is wrong."""

from __future__ import annotations

from callaudio import CallDetails, ResultError, WaitTimeoutError, errors

from tests.clients.python.callaudio.documents import call_details


def test_all_errors_are_of_one_tree() -> None:
    for name in set(errors.__all__) - {"UnexpectedStatus"}:
        assert issubclass(getattr(errors, name), errors.CallAudioError), name


def test_a_result_s_reason_is_told() -> None:
    document = call_details(state="failed", result_state="none", result_reason="nobody answered")
    call = CallDetails.from_dict(document)
    assert str(ResultError(call)) == "the call c is failed, its result none: nobody answered"
    assert str(WaitTimeoutError(call, 2.5)).startswith("the result of the call c is none after 2.5")
