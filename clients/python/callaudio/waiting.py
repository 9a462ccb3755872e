"""Waiting until a call's result is final."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx

from callaudio.errors import ResultError, WaitTimeoutError
from callaudio.generated.api.calls import show_call
from callaudio.generated.api.events import list_events
from callaudio.generated.models.call_details import CallDetails
from callaudio.steps import Sleep, Steps, retry_delay, send

OnCall = Callable[[CallDetails], object]
"""Called with the call, at first and whenever something of it has changed."""

MAX_WAIT_SECONDS = 25
"""How long the app may hold a request: its own limit."""

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
    """Follow a call; return it with its final result.

    The app holds each request for the call's events until something happens (long polling), so an
    hour's call takes few requests, and its end is noticed at once.

    Raises ResultError, WaitTimeoutError after ``timeout`` seconds, ProblemError, UnreachableError.
    """
    ends_at = None if timeout is None else clock() + timeout
    etag: str | None = None
    cursor: str | None = None
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
        left = MAX_WAIT_SECONDS if ends_at is None else ends_at - clock() - interval
        if timeout is not None and left < 0:
            raise WaitTimeoutError(call, timeout)
        cursor = yield from _wait_for_events(call_id, cursor, min(left, MAX_WAIT_SECONDS))
        # Events of many segments may come at once.
        yield Sleep(interval)


def _wait_for_events(call_id: str, cursor: str | None, seconds: float) -> Steps[str | None]:
    """Wait until something has happened since ``cursor``; return the next one.

    Raises ProblemError, UnreachableError.
    """
    options = {} if cursor is None else {"after": cursor}
    response = yield from send(list_events.build_request(call_id, wait_s=int(seconds), **options))
    if "Retry-After" in response.headers:
        # Too many others wait: this request was not allowed to, or no longer.
        yield Sleep(retry_delay(response))
    return list_events.parse_response(response).cursor


def is_final(call: CallDetails, *, allow_partial: bool) -> bool:
    """Return whether a call's result is final. Raises ResultError if it will not be."""
    if call.result_state == "final" or (call.result_state == "partial" and allow_partial):
        return True
    if call.state in _ENDED and call.result_state in ("none", "partial"):
        raise ResultError(call)
    return False
