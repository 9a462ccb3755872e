"""What is added to each operation: its texts, and the responses and headers that all have."""

from __future__ import annotations

from http import HTTPStatus

from calls.http.description.parts import Json, problem_response
from calls.http.description.texts import Text
from calls.http.principals import ROUTES

HEADERS: Json = {
    "Accept-Ranges": {
        "description": "a part of the file may be requested with `Range`",
        "schema": {"type": "string", "examples": ["bytes"]},
    },
    "Cache-Control": {
        "description": "`no-store`: the response holds personal data",
        "schema": {"type": "string", "examples": ["no-store"]},
    },
    "Content-Disposition": {
        "description": "the file's name",
        "schema": {"type": "string", "examples": ['inline; filename="call.wav"']},
    },
    "Content-Range": {
        "description": "which bytes these are, and how many the file has",
        "schema": {"type": "string", "examples": ["bytes 0-4194303/31457280"]},
    },
    "ETag": {
        "description": "changes with the content; for `If-None-Match`",
        "schema": {"type": "string", "examples": ['"9b1c0f3f3a4e4d0f8f3a5c6b7d8e9f00"']},
    },
    "Idempotent-Replayed": {
        "description": "`true`: the call was placed by an earlier request",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Last-Modified": {
        "description": "when the file was written",
        "schema": {"type": "string", "examples": ["Sun, 01 Mar 2026 09:30:00 GMT"]},
    },
    "Link": {
        "description": 'the next page (`rel="next"`), if there is one',
        "schema": {
            "type": "string",
            "examples": ['</api/v1/calls?limit=20&cursor=eA>; rel="next"'],
        },
    },
    "Location": {
        "description": "where it is: a path of this app, or a short-lived link to a file",
        "schema": {"type": "string", "examples": ["/api/v1/calls/401f2980-0b2e-4c4d-9e84"]},
    },
    "Referrer-Policy": {
        "description": "`no-referrer`: the request's URL may have the function key in it",
        "schema": {"type": "string", "enum": ["no-referrer"]},
    },
    "Retry-After": {
        "description": "seconds after which the request may be repeated",
        "schema": {"type": "string", "examples": ["5"]},
    },
    "Vary": {
        "description": "the request's headers that choose the format",
        "schema": {"type": "string", "examples": ["Accept"]},
    },
    "X-Content-Type-Options": {
        "description": "`nosniff`",
        "schema": {"type": "string", "enum": ["nosniff"]},
    },
}
"""The headers of responses, by name."""

IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "entity tags that the client has: 304 if one of them is current",
    "schema": {"type": "string", "examples": ['"9b1c0f3f3a4e4d0f8f3a5c6b7d8e9f00"']},
}

_COMMON = ("Cache-Control", "X-Content-Type-Options")
_OF_FILES = ("Accept-Ranges", "Content-Disposition", "ETag", "Last-Modified")
_OF_STATUSES = {
    HTTPStatus.PARTIAL_CONTENT: ("Content-Range",),
    HTTPStatus.TEMPORARY_REDIRECT: ("Location", "Referrer-Policy"),
    HTTPStatus.CONFLICT: ("Retry-After",),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_OF_ROUTES = {
    ("GET /api/v1/calls", HTTPStatus.OK): ("Link",),
    ("GET /api/v1/calls.csv", HTTPStatus.OK): ("Content-Disposition", "Link"),
    ("GET /api/v1/calls/{id}/events", HTTPStatus.OK): ("Retry-After",),
    ("POST /api/v1/calls", HTTPStatus.CREATED): ("Location", "Idempotent-Replayed"),
    ("DELETE /api/v1/calls/{id}", HTTPStatus.ACCEPTED): ("Location", "Retry-After"),
    ("GET /api/v1/deletions/{id}", HTTPStatus.OK): ("Retry-After",),
    ("GET /api/v1/calls/{id}/export", HTTPStatus.ACCEPTED): ("Retry-After",),
    ("GET /api/v1/calls/{id}/transcript", HTTPStatus.OK): ("Vary",),
    ("GET /api/v1/calls/{id}/transcript.{format}", HTTPStatus.OK): ("Vary",),
}


def complete_operation(route: str, operation: Json, text: Text) -> Json:
    """Return an operation with its texts, and with what all responses have in common.

    Args:
        route: ``METHOD /path``.
        operation: The operation, as its module describes it.
        text: Its texts.
    """
    responses = dict(operation["responses"])
    parameters = list(operation.get("parameters", ()))
    if text.tag != "console" and text.operation_id != "health":
        # An unknown query parameter, and an unexpected error.
        responses.setdefault("400", problem_response(HTTPStatus.BAD_REQUEST))
        responses.setdefault("500", problem_response(HTTPStatus.INTERNAL_SERVER_ERROR))
    if " /api/v1/calls/{id}" in route and route != "DELETE /api/v1/calls/{id}":
        responses.setdefault("410", problem_response(HTTPStatus.GONE))
    required: Json = {}
    if "security" not in operation:
        required = {"x-roles": sorted(ROUTES[_function(text)].roles or ())}
        # No role; and whatever reads or changes something fails if Blob Storage does.
        responses.setdefault("403", problem_response(HTTPStatus.FORBIDDEN))
        responses.setdefault("503", problem_response(HTTPStatus.SERVICE_UNAVAILABLE))
    if _is_tagged(route, operation):
        parameters.append(IF_NONE_MATCH)
        responses.setdefault("304", {"description": HTTPStatus.NOT_MODIFIED.phrase})
    is_file = "206" in responses or (route.startswith("HEAD") and "200" in responses)
    for status, response in responses.items():
        if status == "401" and "security" not in operation:
            # The host's own.
            continue
        names = {*_COMMON, *_OF_ROUTES.get((route, HTTPStatus(int(status))), ())}
        names.update(_OF_STATUSES.get(HTTPStatus(int(status)), ()))
        if status in ("200", "206", "304"):
            names.update(_OF_FILES if is_file else ())
            names.update(("ETag",) if "304" in responses else ())
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
        responses[status] = response | {"headers": headers}
    return {
        "operationId": text.operation_id,
        "tags": [text.tag],
        **operation,
        **required,
        "description": text.description,
        **({"parameters": parameters} if parameters else {}),
        "responses": dict(sorted(responses.items())),
    }


def _function(text: Text) -> str:
    """Return the name of an operation's function: HEAD is served by the function of GET."""
    return text.operation_id.replace("head_", "send_")


def _is_tagged(route: str, operation: Json) -> bool:
    """Return whether responses have entity tags: all that a key reads have, and this document."""
    needs_key = "security" not in operation
    return route == "GET /api/v1/openapi.json" or (route.startswith("GET ") and needs_key)
