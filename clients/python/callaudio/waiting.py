"""Waiting until a call's result is final."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx

from callaudio.errors import ResultError, WaitTimeoutError
from callaudio.generated.api.calls import show_call
from callaudio.generated.models.call_details import CallDetails
from callaudio.steps import Sleep, Steps, send

OnCall = Callable[[CallDetails], object]
"""Called with the call, at first and whenever something of it has changed."""

_ENDED = ("disconnected", "failed")


def wait_until_final(
    call_id: str,
    *,
    on_change: OnCall | None,
    allow_partial: bool,
    timeout: float | None,
    interval: float,
    clock: Callable[[], float] = monotonic,
) -> Steps[CallDetails]:
    """Look at a call every ``interval`` seconds; return it with its final result.

    Raises ResultError, WaitTimeoutError after ``timeout`` seconds, ProblemError, UnreachableError.
    """
    began = clock()
    etag: str | None = None
    call: CallDetails | None = None
    while True:
        arguments: dict[str, Any] = show_call.build_request(call_id)
        if etag is not None:
            arguments["headers"] = {"If-None-Match": etag}
        response = yield from send(arguments)
        if call is None or response.status_code != httpx.codes.NOT_MODIFIED:
            call = show_call.parse_response(response)
            etag = response.headers.get("ETag")
            if on_change is not None:
                on_change(call)
            if is_final(call, allow_partial=allow_partial):
                return call
        if timeout is not None and clock() - began + interval > timeout:
            raise WaitTimeoutError(call, timeout)
        yield Sleep(interval)


def is_final(call: CallDetails, *, allow_partial: bool) -> bool:
    """Return whether a call's result is final. Raises ResultError if it will not be."""
    if call.result_state == "final" or (call.result_state == "partial" and allow_partial):
        return True
    if call.state in _ENDED and call.result_state in ("none", "partial"):
        raise ResultError(call)
    return False
