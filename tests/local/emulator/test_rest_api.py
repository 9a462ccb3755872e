"""ACS's REST calls: signatures, errors and repeatability."""

from __future__ import annotations

import base64

from tests.local.emulator.conftest import CALLS, PLACE, Client


async def test_requests_are_signed_and_counted(client: Client) -> None:
    wrong = base64.b64encode(b"x" * 32).decode()
    status, body = await client.request("POST", CALLS, PLACE, key=wrong)
    assert (status, body["error"]["code"]) == (401, "7509")
    assert (await client.request("POST", CALLS, PLACE))[0] == 201
    status, counts = await client.request("GET", "/emulator/requests")
    assert (status, counts) == (200, {"POST callConnections": 2})
    assert client.emulator.requests == counts


async def test_a_repeated_request_returns_the_same_call(client: Client) -> None:
    headers = {"Repeatability-Request-ID": "one"}
    _, first = await client.request("POST", CALLS, PLACE, **headers)
    _, again = await client.request("POST", CALLS, PLACE, **headers)
    _, other = await client.request("POST", CALLS, PLACE)
    assert first["callConnectionId"] == again["callConnectionId"] != other["callConnectionId"]
    _, health = await client.request("GET", "/emulator/health")
    assert health == {"status": "ok", "calls": 2}


async def test_errors_have_acs_s_shape(client: Client) -> None:
    for method, path, body, expected in (
        ("GET", f"{CALLS}/missing", None, (404, "8522")),
        ("POST", CALLS, {"targets": 1}, (400, "8523")),
        ("POST", f"{CALLS}:answer", {"incomingCallContext": "x", "callbackUri": ""}, (400, "8523")),
        ("GET", "/emulator/calls/missing/sent", None, (404, "8522")),
    ):
        status, answer = await client.request(method, path, body)
        assert (status, answer["error"]["code"]) == expected, path
    _, call = await client.request("POST", CALLS, PLACE)
    path = f"{CALLS}/{call['callConnectionId']}"
    status, answer = await client.request("POST", f"{path}:startMediaStreaming", {})
    assert (status, answer["error"]["code"]) == (409, "8501"), "it is not connected"
    assert (await client.request("POST", f"{path}:mute", {}))[0] == 501
