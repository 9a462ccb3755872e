"""The operations of the service itself: callbacks, this document, health, and the console."""

from __future__ import annotations

from calls.http.description.parts import Json, files, in_path, json_content, operation, ref

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
    "GET /api/v1/openapi.json": operation(
        "This document", {200: json_content({"type": "object"})}, [], security=[]
    ),
    "GET /api/v1/health": operation(
        "Check that the app is running",
        {200: json_content(ref("Health"))},
        [],
        security=[],
    ),
    "GET /api/console": operation(
        "The console", {200: files("text/html"), 304: None}, [], security=[]
    ),
    "GET /api/console/{file}": operation(
        "The console's styles, scripts and icon",
        {200: files("text/html", "text/css", "text/javascript", "image/svg+xml"), 304: None},
        [404],
        security=[],
        parameters=[in_path("file", {"type": "string", "minLength": 1})],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
