"""The codes of problem documents: constant words for programs, and what each means.

A code keeps its meaning. ``make docs`` writes the table into ``docs/http-api.md``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, NamedTuple

Code = Literal[
    "acs_conflict",
    "acs_refused",
    "acs_unavailable",
    "announcement_not_played",
    "blob_missing",
    "body_too_large",
    "call_deleted",
    "busy",
    "call_ended",
    "call_not_ended",
    "call_not_found",
    "call_on_hold",
    "contended",
    "cross_site",
    "deletion_not_found",
    "deletion_running",
    "delivery_not_found",
    "destination_not_allowed",
    "event_mismatch",
    "export_failed",
    "failure_not_found",
    "file_changed",
    "file_not_found",
    "format_not_found",
    "idempotency_key_in_use",
    "idempotency_key_reused",
    "internal_error",
    "invalid_body",
    "invalid_cursor",
    "invalid_request",
    "invalid_token",
    "keys_unavailable",
    "malformed_events",
    "method_not_allowed",
    "no_result",
    "not_configured",
    "not_ready",
    "origin_unknown",
    "participant_not_found",
    "range_not_satisfiable",
    "rendition_pending",
    "result_partial",
    "role_required",
    "route_not_found",
    "search_not_ready",
    "search_off",
    "search_unavailable",
    "segment_not_found",
    "sign_in_required",
    "storage_unavailable",
    "streaming_conflict",
    "too_many_calls_today",
    "too_many_concurrent_calls",
    "tracks_not_separate",
    "transcript_failed",
    "transcript_pending",
    "transcript_complete",
    "transcription_off",
]


class Meaning(NamedTuple):
    """What a code means, and the status that its problems have."""

    status: HTTPStatus
    text: str


CODES: dict[Code, Meaning] = {
    "invalid_request": Meaning(
        HTTPStatus.BAD_REQUEST, "members, parameters or headers are invalid; `errors` names them"
    ),
    "invalid_body": Meaning(HTTPStatus.BAD_REQUEST, "the body is not a JSON object"),
    "invalid_cursor": Meaning(
        HTTPStatus.BAD_REQUEST, "`cursor` is not one that this app returned; begin without one"
    ),
    "malformed_events": Meaning(
        HTTPStatus.BAD_REQUEST, "callback events are malformed; `errors` names them"
    ),
    "invalid_token": Meaning(
        HTTPStatus.UNAUTHORIZED, "the bearer token is not one that ACS signed for this app"
    ),
    "sign_in_required": Meaning(
        HTTPStatus.UNAUTHORIZED, "nobody is signed in by App Service Authentication"
    ),
    "destination_not_allowed": Meaning(
        HTTPStatus.FORBIDDEN, "`ALLOWED_DESTINATIONS` does not allow the call; `detail` says why"
    ),
    "event_mismatch": Meaning(
        HTTPStatus.FORBIDDEN, "callback events have ids of another call; `errors` names them"
    ),
    "cross_site": Meaning(
        HTTPStatus.FORBIDDEN,
        "a signed-in browser's request comes from another site, or may: a change lacks "
        "`X-Requested-With`",
    ),
    "role_required": Meaning(
        HTTPStatus.FORBIDDEN, "the key or user has none of the roles that `detail` names"
    ),
    "call_not_found": Meaning(HTTPStatus.NOT_FOUND, "the call does not exist"),
    "deletion_not_found": Meaning(HTTPStatus.NOT_FOUND, "the deletion does not exist"),
    "delivery_not_found": Meaning(
        HTTPStatus.NOT_FOUND, "no delivery has failed under this id, or it was sent again already"
    ),
    "failure_not_found": Meaning(HTTPStatus.NOT_FOUND, "the failure does not exist"),
    "file_not_found": Meaning(HTTPStatus.NOT_FOUND, "the console has no such file"),
    "format_not_found": Meaning(HTTPStatus.NOT_FOUND, "the result has no such format"),
    "no_result": Meaning(HTTPStatus.NOT_FOUND, "the call left no audio; `detail` says why"),
    "participant_not_found": Meaning(
        HTTPStatus.NOT_FOUND, "the call has no participant of this raw id or track"
    ),
    "route_not_found": Meaning(HTTPStatus.NOT_FOUND, "the path is unknown"),
    "segment_not_found": Meaning(
        HTTPStatus.NOT_FOUND, "the call has no such segment, or its audio has been deleted"
    ),
    "method_not_allowed": Meaning(
        HTTPStatus.METHOD_NOT_ALLOWED, "the path does not accept the method; `Allow` has those"
    ),
    "acs_conflict": Meaning(
        HTTPStatus.CONFLICT, "the call's state at ACS does not allow the operation; see `acs`"
    ),
    "announcement_not_played": Meaning(
        HTTPStatus.CONFLICT,
        "the call is not recorded before its announcement has been played; `detail` says why not",
    ),
    "blob_missing": Meaning(
        HTTPStatus.CONFLICT, "the failure's blob has been deleted, so it cannot be retried"
    ),
    "call_ended": Meaning(HTTPStatus.CONFLICT, "the operation needs a call that has not ended"),
    "call_not_ended": Meaning(
        HTTPStatus.CONFLICT, "the operation needs a call that has ended; hang up first"
    ),
    "call_on_hold": Meaning(
        HTTPStatus.CONFLICT, "the call is on legal hold, and must not be deleted"
    ),
    "deletion_running": Meaning(
        HTTPStatus.CONFLICT, "a deletion of parts of the call is running; repeat the request"
    ),
    "idempotency_key_in_use": Meaning(
        HTTPStatus.CONFLICT, "another request with the same `Idempotency-Key` is placing the call"
    ),
    "not_ready": Meaning(
        HTTPStatus.CONFLICT, "the call's result is not final yet; `result_state` says how far it is"
    ),
    "result_partial": Meaning(
        HTTPStatus.CONFLICT, "the call's result lacks audio; `allow_partial=true` shows it"
    ),
    "streaming_conflict": Meaning(
        HTTPStatus.CONFLICT, "the media streaming's state does not allow the operation"
    ),
    "tracks_not_separate": Meaning(
        HTTPStatus.CONFLICT, "one participant cannot be removed from a mixed track"
    ),
    "transcript_failed": Meaning(
        HTTPStatus.CONFLICT, "the transcript failed; its JSON says why, and has the rest of it"
    ),
    "transcript_pending": Meaning(
        HTTPStatus.CONFLICT, "the transcript is not complete yet; repeat the request"
    ),
    "transcript_complete": Meaning(
        HTTPStatus.CONFLICT, "the transcript is complete; only a failed one can be retried"
    ),
    "transcription_off": Meaning(HTTPStatus.CONFLICT, "`TRANSCRIPTION` is off"),
    "search_off": Meaning(HTTPStatus.CONFLICT, "`SEARCH` is off: transcripts cannot be searched"),
    "call_deleted": Meaning(
        HTTPStatus.GONE, "the call was deleted; `detail` says when, and where the receipt is"
    ),
    "file_changed": Meaning(
        HTTPStatus.PRECONDITION_FAILED, "the file has changed; request it again"
    ),
    "body_too_large": Meaning(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large"),
    "range_not_satisfiable": Meaning(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "no byte of the file is in the range"
    ),
    "idempotency_key_reused": Meaning(
        HTTPStatus.UNPROCESSABLE_ENTITY, "the `Idempotency-Key` was used with another body"
    ),
    "too_many_calls_today": Meaning(
        HTTPStatus.TOO_MANY_REQUESTS,
        "`MAX_CALLS_PER_DAY` is reached; the day ends at 00:00 UTC, after `Retry-After`",
    ),
    "too_many_concurrent_calls": Meaning(
        HTTPStatus.TOO_MANY_REQUESTS, "`MAX_CONCURRENT_CALLS` is reached; hang up a call, or wait"
    ),
    "internal_error": Meaning(
        HTTPStatus.INTERNAL_SERVER_ERROR, "an unexpected error; `detail` has its reference"
    ),
    "not_configured": Meaning(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "settings are missing or invalid; `detail` names them, and the log says more",
    ),
    "acs_refused": Meaning(
        HTTPStatus.BAD_GATEWAY, "ACS refused the operation; `acs` has its status, code and message"
    ),
    "acs_unavailable": Meaning(HTTPStatus.BAD_GATEWAY, "ACS did not answer; repeat the request"),
    "busy": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE, "too many files are being sent; repeat the request"
    ),
    "contended": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE, "the call is changing too fast; repeat the request"
    ),
    "export_failed": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the export could not be built; the app's log says why. A later request begins it again",
    ),
    "keys_unavailable": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE, "ACS's signing keys cannot be fetched; send it again"
    ),
    "origin_unknown": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "a callback event names a call that the app has not placed or answered, or not yet; send "
        "it again",
    ),
    "rendition_pending": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the recording is long, and is still being converted; repeat the request",
    ),
    "search_not_ready": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "transcripts are still being read for full-text search; repeat the request",
    ),
    "search_unavailable": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE, "the search service does not answer; repeat the request"
    ),
    "storage_unavailable": Meaning(
        HTTPStatus.SERVICE_UNAVAILABLE, "Blob Storage does not answer; repeat the request"
    ),
}
"""Every code, by status."""
