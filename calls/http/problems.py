"""The one error shape: problem details (RFC 9457), ``application/problem+json``.

Handlers raise a Problem for what is wrong with a request. The domain's own errors become problems
here, and only here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from calls import errors
from calls.errors import AcsRefused, CallAudioError, ResultNotReady, TooManyCallsToday
from calls.http.problem_codes import Code

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """Raised by a handler, and sent as the response. Contains nothing that the caller may not see.

    Args:
        status: The response's status.
        detail: What is wrong, and what to do about it, for people.
        code: The same for programs, a word of ``problem_codes``.
        reason: A short constant word under which the refusal is logged; None if it has been logged.
        errors: The invalid fields, as ``{"field": ..., "message": ...}``.
        acs: ACS's own status, code and message.
        headers: Further headers of the response.
        result_state: The call's, where its result is not final.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        code: Code,
        reason: str | None = "request",
        errors: list[dict[str, str]] | None = None,
        acs: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        result_state: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason
        self.errors = errors
        self.acs = acs
        self.code = code
        self.headers = headers or {}
        self.result_state = result_state

    def body(self) -> bytes:
        """The problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }
        if self.result_state:
            document["result_state"] = self.result_state
        if self.errors:
            document["errors"] = self.errors
        if self.acs:
            document["acs"] = self.acs
        return msgspec.json.encode(document)


class _Mapping(NamedTuple):
    """The response to one kind of error; if ``detail`` is None, it has the error's message."""

    status: HTTPStatus
    code: Code
    retry_after_seconds: int | None = None
    detail: str | None = None


_MAPPINGS: dict[type[CallAudioError], _Mapping] = {
    errors.CallNotFound: _Mapping(HTTPStatus.NOT_FOUND, "call_not_found"),
    errors.CallDeleted: _Mapping(HTTPStatus.GONE, "call_deleted"),
    errors.CallNotEnded: _Mapping(HTTPStatus.CONFLICT, "call_not_ended"),
    errors.CallOnHold: _Mapping(HTTPStatus.CONFLICT, "call_on_hold"),
    errors.DeletionRunning: _Mapping(
        HTTPStatus.CONFLICT, "deletion_running", retry_after_seconds=5
    ),
    errors.DeletionNotFound: _Mapping(HTTPStatus.NOT_FOUND, "deletion_not_found"),
    errors.ParticipantNotFound: _Mapping(HTTPStatus.NOT_FOUND, "participant_not_found"),
    errors.TracksNotSeparate: _Mapping(HTTPStatus.CONFLICT, "tracks_not_separate"),
    errors.CallEnded: _Mapping(HTTPStatus.CONFLICT, "call_ended"),
    errors.StreamingStateConflict: _Mapping(HTTPStatus.CONFLICT, "streaming_conflict"),
    errors.AnnouncementNotPlayed: _Mapping(HTTPStatus.CONFLICT, "announcement_not_played"),
    errors.MissingCallConnectionId: _Mapping(HTTPStatus.BAD_GATEWAY, "acs_refused"),
    errors.DestinationNotAllowed: _Mapping(HTTPStatus.FORBIDDEN, "destination_not_allowed"),
    errors.TooManyConcurrentCalls: _Mapping(
        HTTPStatus.TOO_MANY_REQUESTS, "too_many_concurrent_calls", retry_after_seconds=10
    ),
    errors.TooManyCallsToday: _Mapping(HTTPStatus.TOO_MANY_REQUESTS, "too_many_calls_today"),
    errors.IdempotencyKeyReused: _Mapping(
        HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency_key_reused"
    ),
    errors.IdempotencyKeyInUse: _Mapping(
        HTTPStatus.CONFLICT, "idempotency_key_in_use", retry_after_seconds=2
    ),
    errors.OriginUnknown: _Mapping(
        HTTPStatus.SERVICE_UNAVAILABLE, "origin_unknown", retry_after_seconds=5
    ),
    errors.ResultNotReady: _Mapping(HTTPStatus.CONFLICT, "not_ready", retry_after_seconds=1),
    errors.SegmentNotFound: _Mapping(HTTPStatus.NOT_FOUND, "segment_not_found"),
    errors.CannotEncode: _Mapping(HTTPStatus.BAD_REQUEST, "invalid_request"),
    errors.RenditionPending: _Mapping(
        HTTPStatus.SERVICE_UNAVAILABLE, "rendition_pending", retry_after_seconds=10
    ),
    errors.FailureNotFound: _Mapping(HTTPStatus.NOT_FOUND, "failure_not_found"),
    errors.FailedBlobMissing: _Mapping(HTTPStatus.CONFLICT, "blob_missing"),
    errors.DeliveryNotFound: _Mapping(HTTPStatus.NOT_FOUND, "delivery_not_found"),
    errors.InvalidCursor: _Mapping(HTTPStatus.BAD_REQUEST, "invalid_cursor"),
    errors.SearchUnavailable: _Mapping(
        HTTPStatus.SERVICE_UNAVAILABLE, "search_unavailable", retry_after_seconds=5
    ),
    errors.SearchNotReady: _Mapping(
        HTTPStatus.SERVICE_UNAVAILABLE, "search_not_ready", retry_after_seconds=5
    ),
    errors.AcsUnavailable: _Mapping(HTTPStatus.BAD_GATEWAY, "acs_unavailable"),
    errors.AcsRefused: _Mapping(HTTPStatus.BAD_GATEWAY, "acs_refused"),
    errors.Contended: _Mapping(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "contended",
        retry_after_seconds=1,
        detail="the call is changing too fast; try again",
    ),
}

_RESULT_MAPPINGS: dict[str, _Mapping] = {
    "none": _Mapping(HTTPStatus.NOT_FOUND, code="no_result"),
    "partial": _Mapping(HTTPStatus.CONFLICT, code="result_partial", retry_after_seconds=300),
}
"""Those states of a result that do not mean ``not_ready``."""

_ACS_CONFLICTS = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)


def problem_for(error: CallAudioError) -> Problem | None:
    """Return the problem of a domain error; None for an error that no request can cause."""
    mapping = _MAPPINGS.get(type(error))
    if mapping is None:
        return None
    result_state = None
    if isinstance(error, ResultNotReady):
        result_state = error.state
        mapping = _RESULT_MAPPINGS.get(result_state, mapping)
    status, code, acs = mapping.status, mapping.code, None
    if isinstance(error, AcsRefused):
        acs = {"status": str(error.status)}
        if error.code is not None:
            acs |= {"code": error.code, "message": str(error.message)}
        if error.status in _ACS_CONFLICTS:
            # The call's state does not allow the operation.
            status, code = HTTPStatus.CONFLICT, "acs_conflict"
    headers = {}
    retry_after_seconds = mapping.retry_after_seconds
    if isinstance(error, TooManyCallsToday):
        retry_after_seconds = error.retry_after_seconds
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    return Problem(
        status,
        mapping.detail or str(error),
        code=code,
        acs=acs,
        headers=headers,
        result_state=result_state,
    )
