"""The OpenAPI document of the HTTP interface.

``description`` has the operations, one entry per route, and the schemas; a test compares the
operations with the app's routes.
"""

from __future__ import annotations

from functools import cache

import azure.functions as func

from calls.http.description import calls, events, results, retention, service
from calls.http.description.completion import HEADERS, complete_operation
from calls.http.description.names import name_parts
from calls.http.description.parts import Json
from calls.http.description.schemas import schemas
from calls.http.description.texts import TAGS, TEXTS
from calls.http.description.webhooks import webhooks
from calls.http.respond import json_response

_SECURITY: Json = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "a function key of the app, where `AUTHENTICATION` is `keys`",
    },
    "entra": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "a token of Entra ID for the app, where `AUTHENTICATION` is `entra`",
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
    modules = (calls, events, retention, results, service)
    operations = {route: text for module in modules for route, text in module.OPERATIONS.items()}
    for route, operation in operations.items():
        method, path = route.split()
        completed = complete_operation(route, operation, TEXTS[route])
        paths.setdefault(path, {})[method.lower()] = completed
    paths, components = name_parts(paths, schemas())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Call Audio",
            "version": "1",
            "description": "Records the audio of live phone calls on Azure Communication Services, "
            "and turns it into a recording, a timeline and a transcript.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"entra": []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "headers": HEADERS,
            "schemas": components,
            "securitySchemes": _SECURITY,
        },
    }
