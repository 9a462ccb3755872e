"""The operations of retention: deletions, receipts and legal holds."""

from __future__ import annotations

from calls.http.deletions import HANG_UP, PARTICIPANT
from calls.http.description.parts import ID, Json, body, json_content, operation, query, ref
from calls.retention.holds import MAX_REASON_CHARACTERS

_DELETION_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "the deletion's id",
    "example": "0f3c9a4e5d6b47c8a1b2c3d4e5f60718",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_PLACE_HOLD = body(
    {
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_REASON_CHARACTERS,
            "description": "why the call must be kept",
            "examples": ["Claim 2026-118"],
        }
    },
    required=["reason"],
)

OPERATIONS: dict[str, Json] = {
    "DELETE /api/v1/calls/{id}": operation(
        "Delete everything of a call, or of one participant",
        {202: json_content(ref("Deletion"))},
        [400, 404, 409, 502, 503],
        parameters=[
            ID,
            query(HANG_UP, {"type": "boolean", "default": False}),
            query(PARTICIPANT, {"type": "string", "minLength": 1, "examples": ["p1"]}),
        ],
    ),
    "GET /api/v1/deletions/{id}": operation(
        "Show a deletion, and finally its receipt",
        {200: json_content(ref("Deletion"))},
        [404, 503],
        parameters=[_DELETION_ID],
    ),
    "PUT /api/v1/calls/{id}/hold": operation(
        "Place a call on legal hold",
        {200: json_content(ref("Hold"))},
        [400, 404, 409, 410, 413, 503],
        parameters=[ID],
        requestBody=_PLACE_HOLD,
    ),
    "DELETE /api/v1/calls/{id}/hold": operation(
        "Release a call from its legal hold",
        {204: None},
        [404, 410, 503],
        parameters=[ID],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
