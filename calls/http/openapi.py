"""The OpenAPI document of the HTTP interface.

``description`` has the operations, one entry per route, and the schemas; a test compares the
operations with the app's routes.
"""

from __future__ import annotations

from functools import cache

import azure.functions as func

from calls.http.description import calls, results, service
from calls.http.description.parts import Json
from calls.http.description.schemas import schemas
from calls.http.respond import json_response

_SECURITY: Json = {
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


async def show_openapi(_: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/openapi.json``."""
    # It holds no personal data: it may be cached, if it is validated each time.
    return json_response(document(), headers={"Cache-Control": "no-cache"})


@cache
def document() -> Json:
    """Return the document."""
    paths: dict[str, Json] = {}
    operations = calls.OPERATIONS | results.OPERATIONS | service.OPERATIONS
    for route, operation in operations.items():
        method, path = route.split()
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Call Audio", "version": "1"},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": schemas(), "securitySchemes": _SECURITY},
    }
