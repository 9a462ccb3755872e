"""Requests that no route serves."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from calls.http import unknown_routes
from calls.http.respond import respond_with
from calls.settings import Settings


async def request(method: str, path: str | None) -> func.HttpResponse:
    route_params = {} if path is None else {"path": path}
    request = func.HttpRequest(method, f"/api/v1/{path or ''}", route_params=route_params, body=b"")
    clients: Any = SimpleNamespace(settings=Settings())
    return await respond_with(unknown_routes.unknown_route, lambda: clients, request)


@pytest.mark.parametrize("path", [None, "", "nothing", "calls/a/b", "calls//timeline", "call"])
async def test_an_unknown_path(path: str | None, caplog: pytest.LogCaptureFixture) -> None:
    response = await request("GET", path)
    problem = json.loads(response.get_body())
    assert (response.status_code, problem["code"]) == (404, "route_not_found")
    assert response.mimetype == "application/problem+json"
    assert "Allow" not in response.headers
    (line,) = caplog.messages
    assert line.startswith("request_refused entrance=unknown_routes status=404 ")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "calls", "GET, POST"),
        ("PUT", "calls/a-call", "DELETE, GET, PATCH"),
        ("GET", "Calls/a-call/HANGUP/", "POST"),
        ("POST", "calls/a-call/recording", "GET, HEAD"),
        ("POST", "calls/a-call/transcript.txt", "GET"),
        ("GET", "callbacks", "POST"),
        ("POST", "openapi.json", "GET"),
        ("DELETE", "calls/a-call/segments/mixed/0", "GET, HEAD"),
    ],
)
async def test_a_method_that_the_path_does_not_accept(
    method: str, path: str, allowed: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await request(method, path)
    problem = json.loads(response.get_body())
    assert (response.status_code, problem["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == allowed
    assert problem["detail"] == f"this route accepts {allowed} only"
    assert "a-call" not in caplog.text
