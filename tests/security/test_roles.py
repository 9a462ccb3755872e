"""Every role at every route, with function keys of the roles' names."""

from __future__ import annotations

import json
import re

import pytest
from azure.functions import AuthLevel

from calls.http.principals import ROUTES
from calls.principals import ROLES
from local.client import AppClient
from tests.security.conftest import PHONE, HttpFunction, Stranger, http_functions

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_CALL = "00000000-0000-4000-8000-00000000dead"
PROTECTED = [function for function in http_functions() if function.level != AuthLevel.ANONYMOUS]


def path_of(function: HttpFunction) -> str:
    """The path of a route, of a call that does not exist."""
    path = function.route.replace("{id}", NO_CALL).replace("{index}", "0")
    return "/api/" + re.sub(r"\{\*?\w+\}", "x", path)


def keys_of(stranger: Stranger) -> dict[str, str]:
    """The key of each role."""
    addresses = stranger.up.addresses
    return {
        "Caller": addresses.caller_key,
        "Listener": addresses.listener_key,
        "Auditor": addresses.auditor_key,
        "Admin": addresses.function_key,
    }


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_use_the_routes_that_ask_for_it_and_no_others(
    stranger: Stranger, role: str
) -> None:
    key = keys_of(stranger)[role]
    assert len(PROTECTED) > 20
    for function in PROTECTED:
        status, body = await stranger.ask(
            function.method, path_of(function), **{"x-functions-key": key}
        )
        allowed = role in (ROUTES[function.name].roles or ())
        assert status != 401, function
        assert (status == 403) == (not allowed), (function, status, body)
        if status == 403 and function.method != "HEAD":
            problem = json.loads(body)
            assert problem["code"] == "role_required", function
            assert f"you have {role}" in problem["detail"], function


async def test_a_key_of_one_role_cannot_be_made_another_s(stranger: Stranger) -> None:
    """Two headers, the key in the query besides the header, and other headers change nothing."""
    keys = keys_of(stranger)
    listener, admin = keys["Listener"], keys["Admin"]
    pretence = {"X-MS-CLIENT-PRINCIPAL": "e30=", "X-Functions-Key-Name": "Admin"}
    for path, headers in [
        (f"/api/v1/audit?code={admin}", {"x-functions-key": listener}),
        ("/api/v1/audit?clientId=Admin", {"x-functions-key": listener}),
        ("/api/v1/audit", {"x-functions-key": listener, **pretence}),
    ]:
        status, body = await stranger.ask("GET", path, **headers)
        assert (status, json.loads(body)["code"]) == (403, "role_required"), path
    lines = [f"x-functions-key: {key}\r\n" for key in (listener, admin)]
    for order in (lines, lines[::-1]):
        request = f"GET /api/v1/audit HTTP/1.1\r\nHost: app\r\n{''.join(order)}\r\n"
        assert await stranger.send(request.encode()) == 403


async def test_the_trail_says_who_did_what_and_from_where(
    app: AppClient, stranger: Stranger
) -> None:
    """An invented address before the one that is true is not believed, nor is any number there."""
    keys = keys_of(stranger)
    caller = {"x-functions-key": keys["Caller"], "X-Forwarded-For": "198.51.100.1:1"}
    call = str((await app.place_call(**PHONE, start_streaming=False))["call_connection_id"])
    assert (await stranger.ask("POST", f"/api/v1/calls/{call}/links", **caller))[0] == 403
    assert (await stranger.ask("POST", f"/api/v1/calls/{call}/hangup", **caller))[0] == 204
    auditor = {"x-functions-key": keys["Auditor"]}
    status, body = await stranger.ask("GET", f"/api/v1/audit?call={call}", **auditor)
    assert status == 200
    entries = json.loads(body)["entries"]
    assert [(e["principal"]["name"], e["action"], e["outcome"]) for e in entries] == [
        ("Admin", "place_call", "done"),
        ("Caller", "create_links", "refused"),
        ("Caller", "hang_up", "begun"),
        ("Caller", "hang_up", "done"),
    ]
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    _, whole = await stranger.ask("GET", "/api/v1/audit?limit=1000", **auditor)
    for secret in (*keys.values(), *PHONE.values()):
        assert secret.removeprefix("+") not in whole.decode()
