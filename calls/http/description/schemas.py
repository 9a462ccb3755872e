"""The schemas of the responses. Those of structs are derived from the structs themselves."""

from __future__ import annotations

import msgspec

from calls.http.description.parts import SCHEMAS, Json, ref
from calls.http.links import Links
from calls.http.problem_codes import CODES
from calls.records.model import CallRecord
from calls.results.call_result import StreamResult
from calls.results.failures import Failure
from calls.results.timeline import Timeline
from calls.transcripts.model import Transcript

STRUCTS = (CallRecord, StreamResult, Links, Timeline, Transcript, Failure)
"""What responses contain. The structs that these refer to are described, too."""

_STRING_MAP: Json = {"type": "object", "additionalProperties": {"type": "string"}}

_OTHERS: Json = {
    "Call": {
        "allOf": [ref("CallRecord")],
        "properties": {
            "streams": {"type": "array", "items": ref("StreamResult")},
            "landed_segments": {"type": "array", "items": {"type": "string"}},
            "failures": {"type": "array", "items": ref("Failure")},
        },
        "required": ["streams", "landed_segments"],
    },
    "CallPage": {
        "type": "object",
        "properties": {
            "calls": {"type": "array", "items": ref("CallRecord")},
            "cursor": {"type": ["string", "null"]},
        },
        "required": ["calls", "cursor"],
    },
    "FailureList": {
        "type": "object",
        "properties": {"failures": {"type": "array", "items": ref("Failure")}},
        "required": ["failures"],
    },
    "Problem": {
        "type": "object",
        "description": "problem details (RFC 9457)",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"enum": sorted(CODES)},
            "errors": {"type": "array", "items": _STRING_MAP},
            "acs": _STRING_MAP,
        },
        "required": ["type", "title", "status", "detail", "code"],
    },
}


def schemas() -> Json:
    """Return all schemas by name."""
    _, struct_schemas = msgspec.json.schema_components(STRUCTS, ref_template=SCHEMAS + "{name}")
    return {**struct_schemas, **_OTHERS}
