"""Requests under ``/api/v1`` that no route serves: the path is unknown (404), or the method (405).

Only whoever has a role gets here: to others, all paths but the public ones look the same (401).
"""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus

import azure.functions as func

from calls.clients import Clients
from calls.http import openapi
from calls.http.problems import Problem
from calls.http.query_parameters import takes_any_query

_PREFIX = "/api/v1/"


@takes_any_query
async def unknown_route(_: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """Raise the Problem: 404, or 405 with the methods that the path does accept."""
    methods = methods_of(_PREFIX + (request.route_params.get("path") or ""))
    # The path is the sender's, and may contain anything: it stays out of the log.
    if not methods:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "unknown route; GET /api/v1/openapi.json describes all routes",
            reason="unknown_route",
            code="route_not_found",
        )
    allowed = ", ".join(methods)
    raise Problem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        f"this route accepts {allowed} only",
        reason="method",
        code="method_not_allowed",
        headers={"Allow": allowed},
    )


def methods_of(path: str) -> list[str]:
    """Return the methods that a path accepts, sorted; none if it is unknown."""
    return sorted(
        {
            method
            for pattern, methods in _patterns()
            if pattern.fullmatch(path)
            for method in methods
        }
    )


@cache
def _patterns() -> list[tuple[re.Pattern[str], list[str]]]:
    """Each path of the OpenAPI document as a pattern, with its methods."""
    patterns = []
    for path, item in openapi.document()["paths"].items():
        literals = re.split(r"\{\w+\}", path)
        pattern = re.compile("[^/]+".join(map(re.escape, literals)) + "/?", re.IGNORECASE)
        patterns.append((pattern, [method.upper() for method in item]))
    return patterns
