"""Problem documents, and which error of the app becomes which."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest

from calls import errors
from calls.errors import AcsRefused, CallAudioError
from calls.http.problems import Problem, problem_for

DELETED_AT = datetime(2026, 11, 26, tzinfo=UTC)
PROBLEMS: list[tuple[CallAudioError, int, str, dict[str, str]]] = [
    (errors.CallNotFound("a-call"), 404, "call_not_found", {}),
    (errors.CallDeleted("a-call", DELETED_AT, "0" * 32), 410, "call_deleted", {}),
    (errors.CallNotEnded(), 409, "call_not_ended", {}),
    (errors.CallOnHold(DELETED_AT), 409, "call_on_hold", {}),
    (errors.DeletionRunning("0" * 32), 409, "deletion_running", {"Retry-After": "5"}),
    (errors.ParticipantNotFound(), 404, "participant_not_found", {}),
    (errors.TracksNotSeparate(), 409, "tracks_not_separate", {}),
    (errors.DeletionNotFound("0" * 32), 404, "deletion_not_found", {}),
    (errors.CallEnded(), 409, "call_ended", {}),
    (errors.StreamingStateConflict("active"), 409, "streaming_conflict", {}),
    (errors.AnnouncementNotPlayed("no speech"), 409, "announcement_not_played", {}),
    (errors.MissingCallConnectionId(), 502, "acs_refused", {}),
    (errors.DestinationNotAllowed("a reason"), 403, "destination_not_allowed", {}),
    (errors.TooManyConcurrentCalls(9), 429, "too_many_concurrent_calls", {"Retry-After": "10"}),
    (errors.TooManyCallsToday(9, 60), 429, "too_many_calls_today", {"Retry-After": "60"}),
    (errors.IdempotencyKeyReused(), 422, "idempotency_key_reused", {}),
    (errors.IdempotencyKeyInUse(), 409, "idempotency_key_in_use", {"Retry-After": "2"}),
    (
        errors.ResultNotReady("a-call", "recording", "it goes on"),
        409,
        "not_ready",
        {"Retry-After": "1"},
    ),
    (errors.OriginUnknown("a-call"), 503, "origin_unknown", {"Retry-After": "5"}),
    (errors.SegmentNotFound("no such segment"), 404, "segment_not_found", {}),
    (errors.CannotEncode("flac", 9), 400, "invalid_request", {}),
    (errors.RenditionPending(), 503, "rendition_pending", {"Retry-After": "10"}),
    (errors.FailureNotFound("a-failure"), 404, "failure_not_found", {}),
    (errors.FailedBlobMissing("segments/a"), 409, "blob_missing", {}),
    (errors.DeliveryNotFound("a-delivery"), 404, "delivery_not_found", {}),
    (errors.InvalidCursor(), 400, "invalid_cursor", {}),
    (errors.SearchUnavailable(), 503, "search_unavailable", {"Retry-After": "5"}),
    (errors.SearchNotReady(1, 2), 503, "search_not_ready", {"Retry-After": "5"}),
    (errors.AcsUnavailable("the call was not placed"), 502, "acs_unavailable", {}),
    (errors.AcsRefused("the call was not placed", 401, None, None), 502, "acs_refused", {}),
    (errors.Contended("the record of call a-call"), 503, "contended", {"Retry-After": "1"}),
]
NEVER_ANSWERED: list[CallAudioError] = [
    errors.EventMismatch("server_call_id"),
    errors.LongCallsNotHungUp(1),
    errors.TranscriptionFailed("it did not answer"),
]
"""Handled where they are raised: no request ends with them."""


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"), PROBLEMS, ids=lambda value: type(value).__name__
)
def test_an_error_s_status_code_and_headers(
    error: CallAudioError, status: int, code: str, headers: dict[str, str]
) -> None:
    problem = problem_for(error)
    assert problem is not None
    assert (problem.status, problem.code, problem.headers) == (status, code, headers)
    assert problem.reason == "request"


def test_every_class_has_a_problem_or_is_never_answered() -> None:
    answered = [type(error) for error, *_ in PROBLEMS]
    never_answered = [type(error) for error in NEVER_ANSWERED]
    classes = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, CallAudioError)
    ]
    # It is raised itself, and a deleted call's error is one, too.
    raised = [errors.CallNotFound, *(value for value in classes if not value.__subclasses__())]
    assert sorted(map(str, answered + never_answered)) == sorted(map(str, raised))
    assert [problem_for(error) for error in NEVER_ANSWERED] == [None] * len(NEVER_ANSWERED)


def test_the_detail_is_the_error_s_message() -> None:
    problem = problem_for(errors.CallNotFound("a-call"))
    assert problem is not None
    assert problem.detail == "call 'a-call' does not exist"


def test_the_detail_of_contention_is_for_callers() -> None:
    problem = problem_for(errors.Contended("the record of call a-call is being changed"))
    assert problem is not None
    assert problem.detail == "the call is changing too fast; try again"


@pytest.mark.parametrize(
    ("acs_status", "status", "code"),
    [
        (409, 409, "acs_conflict"),
        (412, 409, "acs_conflict"),
        (400, 502, "acs_refused"),
        (404, 502, "acs_refused"),
        (500, 502, "acs_refused"),
    ],
)
def test_acs_s_answer_is_passed_on(acs_status: int, status: int, code: str) -> None:
    problem = problem_for(AcsRefused("it was not stopped", acs_status, "8585", "Not started."))
    assert problem is not None
    assert (problem.status, problem.code) == (status, code)
    assert problem.acs == {
        "status": str(acs_status),
        "code": "8585",
        "message": "Not started.",
    }
    assert problem.detail == "ACS refused: it was not stopped"


def test_an_answer_of_acs_without_a_code_has_its_status_only() -> None:
    problem = problem_for(AcsRefused("it was not stopped", 502, None, None))
    assert problem is not None
    assert problem.acs == {"status": "502"}


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ({}, {}),
        (
            {"errors": [{"field": "to", "message": "is required"}]},
            {"errors": [{"field": "to", "message": "is required"}]},
        ),
        ({"acs": {"status": "404"}}, {"acs": {"status": "404"}}),
        ({"reason": "too_large", "headers": {"Retry-After": "1"}}, {}),
    ],
)
def test_a_problem_document(options: dict[str, Any], members: dict[str, Any]) -> None:
    problem = Problem(HTTPStatus.CONFLICT, "what is wrong", code="call_ended", **options)
    assert json.loads(problem.body()) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "what is wrong",
        "code": "call_ended",
        **members,
    }
    assert str(problem) == "what is wrong"
