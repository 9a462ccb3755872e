"""The operations of the service itself: callbacks, who did what, this document, the console."""

from __future__ import annotations

from calls.http.description.parts import (
    Json,
    files,
    in_path,
    json_content,
    operation,
    query,
    ref,
)

_TIME: Json = {"type": "string", "format": "date-time"}

OPERATIONS: dict[str, Json] = {
    "POST /api/v1/callbacks": operation(
        "Receive ACS's callback events",
        {200: None},
        [400, 401, 403, 413, 503],
        security=[{"acs": []}],
        requestBody={
            "required": True,
            "content": json_content({"type": "array", "items": {"type": "object"}}),
        },
    ),
    "GET /api/v1/me": operation(
        "Show who sends the request, and what they may do", {200: json_content(ref("Me"))}, []
    ),
    "GET /api/v1/audit": operation(
        "Read the audit trail",
        {200: json_content(ref("AuditPage"))},
        [400, 503],
        parameters=[
            query("from", _TIME | {"description": "only entries at this time or later"}),
            query("until", _TIME | {"description": "only entries before this time"}),
            query("call", {"type": "string", "description": "only entries of this call"}),
            query(
                "principal",
                {"type": "string", "description": "only entries of the principal of this id"},
            ),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
            query("cursor", {"type": "string"}),
        ],
    ),
    "GET /api/v1/openapi.json": operation(
        "This document", {200: json_content({"type": "object"})}, [], security=[]
    ),
    "GET /api/v1/health": operation(
        "Check that the app is running",
        {200: json_content(ref("Health"))},
        [],
        security=[],
    ),
    "GET /api/v1/health/acs": operation(
        "Show what ACS's bearer tokens are like, and what to set",
        {200: json_content(ref("AcsHealth"))},
        [503],
    ),
    "GET /api/console": operation(
        "The console", {200: files("text/html"), 304: None}, [], security=[]
    ),
    "GET /api/console/{file}": operation(
        "The console's styles, scripts, icon and settings",
        {
            200: files(
                "text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"
            ),
            304: None,
        },
        [404],
        security=[],
        parameters=[in_path("file", {"type": "string", "minLength": 1})],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
