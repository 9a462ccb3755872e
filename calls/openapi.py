"""The OpenAPI document of the app's HTTP interface.

Operations are written here, one entry a route (a test holds them against ``function_app``); the
documents that they answer with are derived from the structs themselves.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec

from calls import links, web
from calls.clients import Clients
from calls.problems import CONTENT_TYPE
from calls.records import CallRecord
from calls.results import StreamResult

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_PHONE_NUMBER = r"^\+[1-9][0-9]{1,14}$"
_USER_ID = "^8:[a-z]+:[A-Za-z0-9_-]{1,200}$"

_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "the call connection id",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$"},
}
_CONTEXT: Json = {"type": ["string", "null"], "minLength": 1, "maxLength": 1024}


async def show(_: Clients, __: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/openapi.json``."""
    return web.document(document())


@cache
def document() -> Json:
    """The document. Paths are relative to the route prefix."""
    paths: dict[str, Json] = {}
    for route, operation in _operations().items():
        method, path = route.split()
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Live phone calls in, finished audio out", "version": "1"},
        "servers": [{"url": "/api"}],
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
                    "description": "the same key places one phone call ever",
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
            "Make links to the call's audio: read-only, open for minutes",
            {200: _json(_ref("Links"))},
            [400, 404, 413, 503],
            parameters=[_ID],
            requestBody=_body(
                {
                    "blobs": {
                        "type": ["array", "null"],
                        "items": {"type": "string"},
                        "minItems": 1,
                        "maxItems": links.MOST,
                    }
                }
            ),
        ),
        "POST /callbacks": _operation(
            "Take ACS's callback events",
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
            "Say that the app runs", {200: _json({"type": "object"})}, [], security=[]
        ),
    }


def _operation(
    summary: str, answers: dict[int, Json | None], problems: list[int], **members: Any
) -> Json:
    """An operation: what it answers with by status (None: no body), and its problems."""
    problem = {CONTENT_TYPE: {"schema": _ref("Problem")}}
    responses: dict[str, Json] = {}
    for status, content in {**answers, **dict.fromkeys(problems, problem)}.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if content is not None:
            responses[str(status)]["content"] = content
    if members.get("security") is None:
        # The host's own answer, before any function runs.
        responses["401"] = {"description": "no key, or a wrong one"}
    return {"summary": summary, **members, "responses": dict(sorted(responses.items()))}


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
    _, derived = msgspec.json.schema_components(
        [CallRecord, StreamResult, links.Links], ref_template=_SCHEMAS + "{name}"
    )
    named = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        **derived,
        "Call": {
            "allOf": [_ref("CallRecord")],
            "properties": {
                "streams": {"type": "array", "items": _ref("StreamResult")},
                "landed_segments": {"type": "array", "items": {"type": "string"}},
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
        "Problem": {
            "type": "object",
            "description": "problem details (RFC 9457)",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "errors": {"type": "array", "items": named},
                "acs": named,
            },
            "required": ["type", "title", "status", "detail"],
        },
    }
