"""The operations of calls: place, list, show, tag, start and stop streaming, hang up."""

from __future__ import annotations

from typing import get_args

from acs.identifiers import (
    CALLABLE_ID_PATTERN,
    MAX_NAME_CHARACTERS,
    MAX_RAW_ID_CHARACTERS,
    PHONE_NUMBER_PATTERN,
)
from calls.http.annotations import MAX_NOTES_CHARACTERS, MAX_TAG_CHARACTERS, MAX_TAGS
from calls.http.call_list import MAX_DURATION_SECONDS
from calls.http.calls import MAX_NAMES
from calls.http.description.parts import (
    ID,
    Json,
    body,
    files,
    json_content,
    operation,
    query,
    ref,
    text,
)
from calls.http.pauses import MAX_PAUSE_SECONDS, MAX_REASON_CHARACTERS
from calls.index.selection import Sort
from calls.locales import LOCALE_PATTERN, MAX_CANDIDATES
from calls.records.model import CallState, Direction, ResultState
from calls.retention.policy import MAX_RETENTION_DAYS
from calls.search.query import MAX_CHARACTERS
from calls.settings import MAX_ANNOUNCEMENT_CHARACTERS, VOICE_PATTERN

_PHONE_NUMBER = f"^{PHONE_NUMBER_PATTERN}$"
_CALLABLE_ID = f"^{CALLABLE_ID_PATTERN}$"
_LOCALE = f"^(auto|{LOCALE_PATTERN})$"
_CONTEXT: Json = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": 1024,
    "description": "text that ACS returns in its events",
}

_ANNOTATIONS: dict[str, Json] = {
    "tags": {
        "type": ["array", "null"],
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_CHARACTERS},
        "maxItems": MAX_TAGS,
        "description": "one line each",
        "examples": [["complaint", "VIP"]],
    },
    "notes": {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": MAX_NOTES_CHARACTERS,
        "description": "text of any number of lines",
        "examples": ["Called back about the invoice."],
    },
}

_QUERY = query("q", {"type": "string", "maxLength": MAX_CHARACTERS, "examples": ["refund*"]}) | {
    "description": 'what is said in them: words in any order, "phrases" and prefix*; '
    "up to 16, and 4 with a star"
}

_PLACE_CALL = body(
    {
        "to": {
            "anyOf": [text(_PHONE_NUMBER), text(_CALLABLE_ID)],
            "description": "a phone number (E.164), or the raw id of a user or app",
            "examples": ["+15551230000"],
        },
        "from": {
            "type": ["string", "null"],
            "pattern": _PHONE_NUMBER,
            "description": "the caller id; required to call a phone number",
            "examples": ["+15559990000"],
        },
        "names": {
            "type": ["object", "null"],
            "title": "DisplayNames",
            "description": "the participants' display names, by phone number or raw id",
            "propertyNames": {"minLength": 1, "maxLength": MAX_RAW_ID_CHARACTERS},
            "additionalProperties": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_NAME_CHARACTERS,
            },
            "maxProperties": MAX_NAMES,
        },
        "locale": {
            "anyOf": [
                text(_LOCALE),
                {
                    "type": "array",
                    "items": text(_LOCALE),
                    "minItems": 1,
                    "maxItems": MAX_CANDIDATES,
                },
                {"type": "null"},
            ],
            "description": "the language: a BCP 47 locale, a list of candidates, or auto",
        },
        "channels": {
            "enum": ["mixed", "unmixed"],
            "default": "mixed",
            "description": "one track for all participants, or one each",
        },
        "sample_rate": {"enum": [16_000, 24_000], "default": 16_000, "description": "in Hz"},
        "start_streaming": {
            "type": "boolean",
            "default": True,
            "description": "start streaming when the call connects",
        },
        "announcement": {
            "type": ["object", "null"],
            "title": "AnnouncementRequest",
            "description": "what is played to all before the call is recorded: a text or a file; "
            "default: that of the settings, if `ANNOUNCEMENT` is not off",
            "properties": {
                "text": {
                    "type": ["string", "null"],
                    "minLength": 1,
                    "maxLength": MAX_ANNOUNCEMENT_CHARACTERS,
                    "description": "one line, spoken by `cognitive_services_endpoint`",
                    "examples": ["This call is recorded."],
                },
                "url": {
                    "type": ["string", "null"],
                    "pattern": "^https://",
                    "maxLength": 2048,
                    "description": "a WAV file on one of `ANNOUNCEMENT_HOSTS`",
                },
                "voice": {
                    "type": ["string", "null"],
                    "pattern": f"^{VOICE_PATTERN}$",
                    "examples": ["en-US-AvaMultilingualNeural"],
                },
                "locale": {"type": ["string", "null"], "pattern": f"^{LOCALE_PATTERN}$"},
                "required": {
                    "type": "boolean",
                    "default": True,
                    "description": "if it cannot be played, nobody is recorded",
                },
            },
            "additionalProperties": False,
        },
        "webhook_url": {
            "type": ["string", "null"],
            "pattern": "^https?://",
            "maxLength": 2048,
            "description": "gets the call's events: a path on one of `WEBHOOK_HOSTS`",
            "examples": ["https://hooks.example.com/calls"],
        },
        "retention_days": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_RETENTION_DAYS,
            "description": "how long to keep the call after its end; null: as the settings say",
        },
        "dtmf": {
            "enum": ["off", "times", "digits"],
            "description": "what is kept of DTMF tones, at most `DTMF`, which is the default",
        },
        **_ANNOTATIONS,
        "operation_context": _CONTEXT,
        "cognitive_services_endpoint": {
            "type": ["string", "null"],
            "pattern": "^https://[A-Za-z0-9.-]+/?$",
            "maxLength": 2048,
            "description": "the Azure AI resource that ACS connects to the call: a host of "
            "`*.cognitiveservices.azure.com`, `*.services.ai.azure.com` or "
            "`COGNITIVE_SERVICES_HOSTS`",
            "examples": ["https://my-speech.cognitiveservices.azure.com"],
        },
    },
    required=["to"],
)
_PAUSE = body(
    {
        "max_seconds": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_PAUSE_SECONDS,
            "description": "after this time the recording resumes by itself",
        },
        "reason": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": MAX_REASON_CHARACTERS,
            "description": "why, in one line",
            "examples": ["card payment"],
        },
    }
)
_CHANGE_CALL = body(_ANNOTATIONS)
_CHANGE_STREAMING = body({"operation_context": _CONTEXT})

FILTER_PARAMETERS = [
    query("state", {"enum": list(get_args(CallState))}),
    query("result_state", {"enum": list(get_args(ResultState))}),
    query("direction", {"enum": list(get_args(Direction))}),
    query(
        "participant",
        {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARACTERS},
        "a phone number or raw id, exactly; or else a display name, in any case",
    ),
    query("from", {"type": "string", "format": "date-time"}, "when they began at the earliest"),
    query("until", {"type": "string", "format": "date-time"}, "they began before this time"),
    query(
        "tag",
        {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_CHARACTERS},
            "maxItems": MAX_TAGS,
        },
        "may be there several times: calls with all of these tags",
    ),
    query(
        "min_duration",
        {"type": "integer", "minimum": 0, "maximum": MAX_DURATION_SECONDS},
        "from the connection to the end, in seconds; calls that go on have none yet",
    ),
    query("sort", {"enum": list(get_args(Sort)), "default": "-created_at"}),
]
"""What selects calls, and their order."""

OPERATIONS: dict[str, Json] = {
    "GET /api/v1/calls": operation(
        "List the calls, filtered and sorted",
        {200: json_content(ref("CallPage"))},
        [400, 409, 503],
        parameters=[
            *FILTER_PARAMETERS,
            _QUERY,
            query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
            query("cursor", {"type": "string"}),
        ],
    ),
    "GET /api/v1/calls.csv": operation(
        "List the calls as CSV, filtered and sorted",
        {200: files("text/csv")},
        [400, 409, 503],
        parameters=[
            *FILTER_PARAMETERS,
            _QUERY,
            query("limit", {"type": "integer", "minimum": 1, "maximum": 5000, "default": 1000}),
            query("cursor", {"type": "string"}),
        ],
    ),
    "POST /api/v1/calls": operation(
        "Place a call with media streaming",
        {201: json_content(ref("Call"))},
        [400, 403, 409, 410, 413, 422, 429, 502, 503],
        parameters=[
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "requests with the same key place only one phone call",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        ],
        requestBody=_PLACE_CALL,
    ),
    "GET /api/v1/calls/{id}": operation(
        "Show one call with its streams and segments",
        {200: json_content(ref("CallDetails"))},
        [404, 503],
        parameters=[ID],
    ),
    "PATCH /api/v1/calls/{id}": operation(
        "Change the tags and notes of a call",
        {200: json_content(ref("Call"))},
        [400, 404, 413, 503],
        parameters=[ID],
        requestBody=_CHANGE_CALL,
    ),
    "POST /api/v1/calls/{id}/pause": operation(
        "Pause the recording",
        {202: json_content(ref("Call"))},
        [400, 404, 409, 413, 502, 503],
        parameters=[ID],
        requestBody=_PAUSE,
    ),
    "POST /api/v1/calls/{id}/resume": operation(
        "Resume a paused recording",
        {202: json_content(ref("Call"))},
        [400, 404, 409, 413, 502, 503],
        parameters=[ID],
    ),
    "POST /api/v1/calls/{id}/streaming/start": operation(
        "Start the media streaming",
        {202: json_content(ref("Call"))},
        [400, 404, 409, 413, 502, 503],
        parameters=[ID],
        requestBody=_CHANGE_STREAMING,
    ),
    "POST /api/v1/calls/{id}/streaming/stop": operation(
        "Stop the media streaming",
        {202: json_content(ref("Call"))},
        [400, 404, 409, 413, 502, 503],
        parameters=[ID],
        requestBody=_CHANGE_STREAMING,
    ),
    "POST /api/v1/calls/{id}/hangup": operation(
        "Hang up for everyone, if the call has not ended",
        {204: None},
        [400, 404, 409, 413, 502, 503],
        parameters=[ID],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
