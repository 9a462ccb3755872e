"""HTTP triggers: requests, auth levels and keys."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import BadStatusLine

from local.host.http import DEFAULT_BODY_LIMIT, HideMalformedRequests, read_body_limit
from tests.local.host.conftest import Host


def test_auth_levels_and_keys(host: Host) -> None:
    assert host.request("/api/open")[:2] == (200, "open")

    def put(path: str, **keys: str) -> tuple[int, str, dict[str, str]]:
        return host.request(path, "PUT", b"b", {"x-way": "w"} | keys)

    assert put("/api/things/7")[0] == 401
    assert put("/api/things/7", **{"x-functions-key": "wrong"})[0] == 401
    for key in (host.key, host.master):
        status, body, headers = put("/api/things/7?q=x", **{"x-functions-key": key})
        assert (status, body, headers["X-Way"]) == (201, "7 x b", "w")
    assert put(f"/api/things/7?code={host.key}")[0] == 201
    for key, status in ((host.key, 401), (host.master, 200)):
        assert host.request("/api/master", headers={"x-functions-key": key})[0] == status


def test_unknown_routes_and_methods(host: Host) -> None:
    assert host.request("/api/nothing")[0] == 404
    assert host.request("/api/things/7", "DELETE")[:2] == (404, "")


def test_a_path_with_a_line_end_is_routed(host: Host) -> None:
    headers = {"x-functions-key": host.key, "x-way": "w"}
    status, body, _ = host.request("/api/things/7%0A8?q=x", "PUT", b"b", headers)
    assert (status, body) == (201, "7\n8 x b")


def test_a_function_that_raises_answers_500_without_a_body(host: Host) -> None:
    assert host.request("/api/fails")[:2] == (500, "")


def test_the_limit_on_bodies_is_a_setting_of_the_host() -> None:
    assert read_body_limit({}) == DEFAULT_BODY_LIMIT == 104_857_600
    assert read_body_limit({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "5"}) == 5


def test_a_malformed_request_is_logged_without_what_it_contains() -> None:
    error = BadStatusLine("a token")
    record = logging.LogRecord(
        "name", logging.ERROR, "", 0, "text", None, (type(error), error, None)
    )
    assert HideMalformedRequests().filter(record)
    assert record.exc_info is None
    other = RuntimeError("kept")
    record = logging.LogRecord(
        "name", logging.ERROR, "", 0, "text", None, (type(other), other, None)
    )
    assert HideMalformedRequests().filter(record)
    assert record.exc_info is not None
