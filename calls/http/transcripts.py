"""A call's transcript over HTTP, as JSON, WebVTT, text or CSV."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import azure.functions as func

from calls.clients import Clients
from calls.http import requests, result_documents
from calls.http.documents import show
from calls.http.problems import Problem
from calls.http.query_parameters import takes_query
from calls.http.readiness import ALLOW_PARTIAL, read_any_result, read_ready_result
from calls.http.respond import Handler, json_response
from calls.transcripts import formats, job
from calls.transcripts.messages import Send, request_transcript
from calls.transcripts.model import SCHEMA, Transcript

_RETRY_AFTER_SECONDS = "5"
_MEDIA_TYPES = {
    "json": "application/json",
    "vtt": "text/vtt",
    "txt": "text/plain",
    "csv": "text/csv",
}
_FORMATTERS = {"vtt": formats.to_vtt, "txt": formats.to_text, "csv": formats.to_csv}


@takes_query(ALLOW_PARTIAL)
async def show_transcript(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/calls/{id}/transcript``, in the format that ``Accept`` or the suffix names."""
    suffix = request.route_params.get("format")
    accept = request.headers.get("Accept") or ""
    format_ = suffix if suffix is not None else _preferred_format(accept)
    if format_ not in _MEDIA_TYPES:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "a transcript is available as json, vtt, txt or csv",
            code="format_not_found",
        )
    transcript, document = await read_shown_transcript(clients, request)
    if format_ == "json":
        return json_response(document, headers={"Vary": "Accept"})
    require_complete(transcript)
    return func.HttpResponse(
        format_transcript(transcript, format_),
        status_code=HTTPStatus.OK,
        mimetype=_MEDIA_TYPES[format_],
        charset="utf-8",
        headers={"Vary": "Accept"},
    )


async def read_shown_transcript(
    clients: Clients, request: func.HttpRequest
) -> tuple[Transcript, result_documents.Transcript]:
    """Read a call's transcript in its current state, and the document that shows it.

    Raises what ``read_ready_result`` raises.
    """
    call = requests.call_connection_id(request)
    result, state = await read_ready_result(clients, request)
    transcript = await job.read_transcript(clients.storage, call)
    if transcript is None or transcript.layout_digest != result.layout_digest:
        transcript = _not_started(clients, call, transcript)
    return transcript, show(result_documents.Transcript, transcript, result_state=state)


def format_transcript(transcript: Transcript, format_: str) -> bytes:
    """Return a transcript as ``vtt``, ``txt`` or ``csv``, in UTF-8."""
    return _FORMATTERS[format_](transcript).encode()


def require_complete(transcript: Transcript) -> None:
    """Check that a transcript is complete: text does not tell. Raises Problem (409)."""
    match transcript.state:
        case "off":
            raise Problem(HTTPStatus.CONFLICT, "TRANSCRIPTION is off", code="transcription_off")
        case "pending":
            raise Problem(
                HTTPStatus.CONFLICT,
                "the transcript is not complete yet; try again",
                code="transcript_pending",
                headers={"Retry-After": _RETRY_AFTER_SECONDS},
            )
        case "failed":
            raise Problem(
                HTTPStatus.CONFLICT,
                f"the transcript failed: {transcript.error}; its JSON has what was transcribed",
                code="transcript_failed",
            )


def retry_handler(send: Send) -> Handler:
    """``POST /api/v1/calls/{id}/transcript/retry``: 202; the call is transcribed again."""

    async def retry_transcript(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
        call = requests.call_connection_id(request)
        result, state = await read_any_result(clients, call)
        if clients.settings.transcription == "off":
            raise Problem(HTTPStatus.CONFLICT, "TRANSCRIPTION is off", code="transcription_off")
        transcript = await job.retry_failed(clients.storage, call)
        if transcript is None or transcript.layout_digest != result.layout_digest:
            transcript = _not_started(clients, call, transcript)
        if transcript.state == "complete":
            raise Problem(
                HTTPStatus.CONFLICT,
                "the transcript is complete; only a failed one can be retried",
                code="transcript_complete",
            )
        if job.is_due(transcript, transcript.layout_digest, datetime.now(UTC)):
            request_transcript(clients, call, send)
        document = show(result_documents.Transcript, transcript, result_state=state)
        return json_response(document, HTTPStatus.ACCEPTED)

    return retry_transcript


def _not_started(clients: Clients, call: str, outdated: Transcript | None) -> Transcript:
    """Return what is shown before a transcript is started: an outdated one's utterances."""
    return Transcript(
        schema=SCHEMA,
        call_connection_id=call,
        provider=clients.settings.transcription,
        state="off" if clients.settings.transcription == "off" else "pending",
        error=None,
        utterances=outdated.utterances if outdated else [],
    )


def _preferred_format(accept: str) -> str:
    """The format that an ``Accept`` header prefers: the first of equals, or JSON if it has none."""
    formats_by_type = {media_type: format_ for format_, media_type in _MEDIA_TYPES.items()}
    best_quality, best_format = 0.0, "json"
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = next((_quality(p) for p in parameters if p.startswith("q=")), 1.0)
        if media_type in formats_by_type and quality > best_quality:
            best_quality, best_format = quality, formats_by_type[media_type]
    return best_format


def _quality(parameter: str) -> float:
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0
