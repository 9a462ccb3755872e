"""The events that the app sends to webhooks: the ``webhooks`` of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from calls.http.description.parts import Json, json_content
from calls.records.model import MilestoneType

_ID: Json = {"type": "string", "pattern": "^evt_[0-9a-f]{32}$"}
_TIME: Json = {"type": "string", "format": "date-time"}
_DURATION: Json = {"type": "integer", "minimum": 0}
_SHA256: Json = {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"}
_CODE: Json = {"type": ["integer", "null"], "description": "ACS's"}


def _event(type_: MilestoneType, **data: Any) -> Json:
    """The schema of one type of event, with the members of its data."""
    members = {"call_connection_id": {"type": "string"}, **data}
    properties: Json = {
        "specversion": {"const": "1.0"},
        "id": _ID | {"description": "the same whenever this event is sent"},
        "type": {"const": type_},
        "source": {"type": "string", "description": "with `subject`, the call's address"},
        "subject": {"type": "string", "description": "the call connection id"},
        "time": _TIME,
        "datacontenttype": {"const": "application/json"},
        "data": {
            "type": "object",
            "properties": members,
            "required": list(members),
        },
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


EVENTS: dict[MilestoneType, tuple[str, Json]] = {
    "call.connected": ("The call is connected", _event("call.connected")),
    "call.streaming": (
        "ACS has started to stream the call's audio, for the first time or again",
        _event("call.streaming"),
    ),
    "segment.ready": (
        "A segment has landed and was analysed",
        _event(
            "segment.ready",
            blob={"type": "string", "description": "for `POST /api/v1/calls/{id}/links`"},
            stream_id={"type": "string"},
            track={"type": "string", "description": "the track in the stream"},
            start=_TIME,
            duration_ms=_DURATION,
        ),
    ),
    "call.final": (
        "The call has ended, and its result is made; once more if audio came late",
        _event(
            "call.final",
            result_state={"enum": ["final", "partial", "none"]},
            recording_sha256=_SHA256,
            duration_ms=_DURATION | {"type": ["integer", "null"]},
        ),
    ),
    "transcript.final": (
        "The transcript is complete or has failed",
        _event("transcript.final", transcript_state={"enum": ["complete", "failed"]}),
    ),
    "call.failed": (
        "The call was never connected",
        _event("call.failed", code=_CODE, sub_code=_CODE),
    ),
    "call.deleted": (
        "Everything of the call was deleted",
        _event("call.deleted", deletion_id={"type": "string", "pattern": "^[0-9a-f]{32}$"}),
    ),
}
"""Each type of event: what it says, and its schema."""

_HEADERS: list[Json] = [
    {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }
    for name, description in (
        ("webhook-id", "the event's id"),
        ("webhook-timestamp", "when it was sent, in seconds since 1970"),
        ("webhook-signature", "`v1,` and the base64 of an HMAC-SHA256, once for each secret"),
    )
]


def webhooks() -> Json:
    """Return the ``webhooks`` of the document."""
    return {
        type_: {
            "post": {
                "operationId": "receive_" + type_.replace(".", "_"),
                "summary": summary,
                "description": "Signed as Standard Webhooks has it. Any answer but 2xx within 10 "
                "seconds has it sent again, for 24 hours; after a 410, nothing more is sent.",
                "security": [],
                "parameters": _HEADERS,
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/cloudevents+json": json_content(schema)["application/json"]
                    },
                },
                "responses": {"2XX": {"description": "the event is taken"}},
            }
        }
        for type_, (summary, schema) in EVENTS.items()
    }
