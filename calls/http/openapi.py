"""The OpenAPI document of the HTTP interface.

Operations are written here, one entry per route; a test compares them with the app's routes. The
schemas of the responses are derived from the structs themselves.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec

from acs.identifiers import (
    CALL_CONNECTION_ID_PATTERN,
    COMMUNICATION_USER_ID_PATTERN,
    PHONE_NUMBER_PATTERN,
)
from calls.clients import Clients
from calls.http.links import MAX_LINKS, Links
from calls.http.problems import CONTENT_TYPE
from calls.http.respond import json_response
from calls.records.model import CallRecord
from calls.results.call_result import StreamResult
from calls.results.failures import Failure
from calls.results.timeline import Timeline
from calls.transcripts.model import Transcript

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_PHONE_NUMBER = f"^{PHONE_NUMBER_PATTERN}$"
_USER_ID = f"^{COMMUNICATION_USER_ID_PATTERN}$"

_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "the call connection id",
    "schema": {"type": "string", "pattern": f"^{CALL_CONNECTION_ID_PATTERN}$"},
}
_CONTEXT: Json = {"type": ["string", "null"], "minLength": 1, "maxLength": 1024}


async def show_openapi(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/openapi.json``."""
    return json_response(document())


@cache
def document() -> Json:
    """Return the document. Paths are relative to the route prefix."""
    paths: dict[str, Json] = {}
    for route, operation in _operations().items():
        method, path = route.split()
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Call Audio", "version": "1"},
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _security()},
    }


def _operations() -> dict[str, Json]:
    """Every route: ``METHOD /path`` and its operation."""
    streaming = _body({"operation_context": _CONTEXT})
    return {
        "GET /calls": _operation(
            "List the calls, newest first",
            {200: _json(_ref("CallPage"))},
            [400, 503],
            parameters=[
                _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
                _query("cursor", {"type": "string"}),
            ],
        ),
        "POST /calls": _operation(
            "Place a call with media streaming",
            {201: _json(_ref("CallRecord"))},
            [400, 409, 413, 422, 502, 503],
            parameters=[
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "requests with the same key place only one phone call",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                }
            ],
            requestBody=_body(
                {
                    "to": {"anyOf": [_text(_PHONE_NUMBER), _text(_USER_ID)]},
                    "from": {"type": ["string", "null"], "pattern": _PHONE_NUMBER},
                    "channels": {"enum": ["mixed", "unmixed"]},
                    "sample_rate": {"enum": [16_000, 24_000]},
                    "start_streaming": {"type": "boolean"},
                    "operation_context": _CONTEXT,
                    "cognitive_services_endpoint": {
                        "type": ["string", "null"],
                        "pattern": "^https://",
                        "maxLength": 2048,
                    },
                },
                required=["to"],
            ),
        ),
        "GET /calls/{id}": _operation(
            "Show one call with its streams and segments",
            {200: _json(_ref("Call"))},
            [404, 503],
            parameters=[_ID],
        ),
        "DELETE /calls/{id}": _operation(
            "Hang up for everyone", {204: None}, [404, 409, 502, 503], parameters=[_ID]
        ),
        "POST /calls/{id}/streaming/start": _operation(
            "Start the media streaming",
            {202: _json(_ref("CallRecord"))},
            [400, 404, 409, 413, 502, 503],
            parameters=[_ID],
            requestBody=streaming,
        ),
        "POST /calls/{id}/streaming/stop": _operation(
            "Stop the media streaming",
            {202: _json(_ref("CallRecord"))},
            [400, 404, 409, 413, 502, 503],
            parameters=[_ID],
            requestBody=streaming,
        ),
        "POST /calls/{id}/links": _operation(
            "Create short-lived, read-only links to the call's audio",
            {200: _json(_ref("Links"))},
            [400, 404, 413, 503],
            parameters=[_ID],
            requestBody=_body(
                {
                    "blobs": {
                        "type": ["array", "null"],
                        "items": {"type": "string"},
                        "minItems": 1,
                        "maxItems": MAX_LINKS,
                    }
                }
            ),
        ),
        "GET /calls/{id}/timeline": _operation(
            "Show who spoke when",
            {200: _json(_ref("Timeline"))},
            [404, 503],
            parameters=[_ID],
        ),
        "GET /calls/{id}/transcript": _operation(
            "Show the transcript, in the format that Accept names",
            {200: _json(_ref("Transcript")) | _files("text/vtt", "text/plain")},
            [404, 503],
            parameters=[_ID],
        ),
        "GET /calls/{id}/transcript.{format}": _operation(
            "Show the transcript, in the format of the suffix",
            {200: _json(_ref("Transcript")) | _files("text/vtt", "text/plain")},
            [404, 503],
            parameters=[_ID, _in_path("format", {"enum": ["json", "vtt", "txt"]})],
        ),
        **_audio("/calls/{id}/recording", "Get the recording", [_ID]),
        **_audio(
            "/calls/{id}/segments/{track}/{index}",
            "Get one segment",
            [
                _ID,
                _in_path("track", {"type": "string", "minLength": 1}),
                _in_path("index", {"type": "integer", "minimum": 0}),
            ],
        ),
        "GET /failures": _operation(
            "List the segments and manifests that failed permanently",
            {200: _json(_ref("FailureList"))},
            [503],
        ),
        "POST /failures/{id}/retry": _operation(
            "Retry a segment or manifest that failed permanently",
            {202: _json(_ref("Failure"))},
            [404, 409, 503],
            parameters=[_in_path("id", {"type": "string", "minLength": 1})],
        ),
        "POST /callbacks": _operation(
            "Receive ACS's callback events",
            {200: None},
            [400, 401, 403, 413, 503],
            security=[{"acs": []}],
            requestBody={
                "required": True,
                "content": _json({"type": "array", "items": {"type": "object"}}),
            },
        ),
        "GET /openapi.json": _operation("This document", {200: _json({"type": "object"})}, []),
        "GET /health": _operation(
            "Check that the app is running", {200: _json({"type": "object"})}, [], security=[]
        ),
        "GET /console": _operation("The console", {200: _files("text/html")}, [], security=[]),
        "GET /console/{file}": _operation(
            "The console's styles, scripts and icon",
            {200: _files("text/html", "text/css", "text/javascript", "image/svg+xml"), 304: None},
            [404],
            security=[],
            parameters=[_in_path("file", {"type": "string", "minLength": 1})],
        ),
    }


def _operation(
    summary: str, answers: dict[int, Json | None], problems: list[int], **members: Any
) -> Json:
    """Return an operation.

    ``answers`` has the content of each successful status (None: no body), ``problems`` lists the
    statuses that come with a problem document.
    """
    problem = {CONTENT_TYPE: {"schema": _ref("Problem")}}
    responses: dict[str, Json] = {}
    for status, content in {**answers, **dict.fromkeys(problems, problem)}.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if content is not None:
            responses[str(status)]["content"] = content
    if members.get("security") is None:
        # The host's own response, before any function runs.
        responses["401"] = {"description": "the function key is missing or wrong"}
    return {"summary": summary, **members, "responses": dict(sorted(responses.items()))}


def _audio(path: str, summary: str, parameters: list[Json]) -> dict[str, Json]:
    """``GET`` and ``HEAD`` of an audio file, whole or in ranges."""
    ranges = {"name": "Range", "in": "header", "schema": {"type": "string"}}
    files = _files("audio/wav", "audio/flac")
    return {
        f"GET {path}": _operation(
            summary,
            {200: files, 206: files, 304: None},
            [404, 412, 413, 416, 503],
            parameters=[*parameters, ranges],
        ),
        f"HEAD {path}": _operation(
            f"{summary}: headers only", {200: None}, [404, 503], parameters=parameters
        ),
    }


def _files(*media_types: str) -> Json:
    return {media_type: {} for media_type in media_types}


def _in_path(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _body(properties: dict[str, Json], required: list[str] | None = None) -> Json:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": _json(schema)}


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": pattern}


def _ref(name: str) -> Json:
    return {"$ref": _SCHEMAS + name}


def _security() -> Json:
    return {
        "key": {
            "type": "apiKey",
            "in": "header",
            "name": "x-functions-key",
            "description": "a function or host key of the app",
        },
        "acs": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "the token that ACS signs for each callback",
        },
    }


def _schemas() -> Json:
    _, struct_schemas = msgspec.json.schema_components(
        [CallRecord, StreamResult, Links, Timeline, Transcript, Failure],
        ref_template=_SCHEMAS + "{name}",
    )
    string_map = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        **struct_schemas,
        "Call": {
            "allOf": [_ref("CallRecord")],
            "properties": {
                "streams": {"type": "array", "items": _ref("StreamResult")},
                "landed_segments": {"type": "array", "items": {"type": "string"}},
                "failures": {"type": "array", "items": _ref("Failure")},
            },
            "required": ["streams", "landed_segments"],
        },
        "CallPage": {
            "type": "object",
            "properties": {
                "calls": {"type": "array", "items": _ref("CallRecord")},
                "cursor": {"type": ["string", "null"]},
            },
            "required": ["calls", "cursor"],
        },
        "FailureList": {
            "type": "object",
            "properties": {"failures": {"type": "array", "items": _ref("Failure")}},
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
                "code": {"type": "string"},
                "errors": {"type": "array", "items": string_map},
                "acs": string_map,
            },
            "required": ["type", "title", "status", "detail"],
        },
    }
