"""Every entrance refuses every forgery with the right status, counts it, and logs no token."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from azure.functions import AuthLevel

from local.client import AppClient, Json, state_is
from tests.e2e.ringing import simulate_incoming_call
from tests.security.conftest import PHONE, TOKEN, Stranger, http_functions

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORGERIES = [
    ("none", "missing"),
    ("alg_none", "algorithm"),
    ("hs256_with_public_key", "algorithm"),
    ("wrong_key", "signature"),
    ("unknown_kid", "unknown_key"),
    ("expired", "expired"),
    ("not_yet_valid", "not_yet_valid"),
    ("wrong_issuer", "issuer"),
    ("wrong_audience", "audience"),
    ("missing_claim", "claims"),
]
MALFORMED = ["Bearer", "Bearer x", "Bearer a.b.c", "Basic dXNlcjpwYXNz", "Bearer " + "x" * 7000]
TRICKS = ["..", "../x", "a/b", "a\\b", "..%2Fx", "%2e%2e", "a\x00b", "a b", "é", "x" * 129, "-a"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def call(up: Any) -> Json:
    """A call that is connected and not streamed, for all tests of this file."""
    async with AppClient(up.addresses.app, up.addresses.function_key) as app:
        return await quiet_call(app)


async def quiet_call(app: AppClient) -> Json:
    """A call of which no further event will come by itself."""
    placed = await app.place_call(**PHONE, start_streaming=False)
    return await app.until(
        placed["call_connection_id"],
        lambda record: bool(record["participants"]) and record["state"] == "connected",
        "the call connects",
    )


def no_token_in(log: str) -> None:
    assert TOKEN.search(log) is None
    assert "Bearer" not in log


# The media WebSocket.


def handshake(call: Json, authorization: str | None) -> dict[str, str]:
    headers = {
        "x-ms-call-connection-id": call["call_connection_id"],
        "x-ms-call-correlation-id": call["correlation_id"],
    }
    return headers | ({"Authorization": authorization} if authorization is not None else {})


REFUSED = "streamer_handshakes_refused_total"


@pytest.mark.parametrize(("fault", "reason"), FORGERIES)
async def test_a_forged_token_opens_no_stream(
    stranger: Stranger, call: Json, fault: str, reason: str
) -> None:
    url = await stranger.transport_url(call["call_connection_id"])
    forged = await stranger.authorization("media", fault)
    before = await stranger.streamer_counts(REFUSED, f"token_{reason}")
    assert await stranger.knock(url, handshake(call, forged)) == 401
    assert await stranger.streamer_counts(REFUSED, f"token_{reason}") == before + 1
    log = stranger.log("streamer")
    assert f"handshake_refused status=401 reason=token_{reason}" in log
    no_token_in(log)
    assert url.rpartition("/")[2] not in log


@pytest.mark.parametrize("authorization", MALFORMED)
async def test_a_malformed_token_opens_no_stream(
    stranger: Stranger, call: Json, authorization: str
) -> None:
    url = await stranger.transport_url(call["call_connection_id"])
    assert await stranger.knock(url, handshake(call, authorization)) == 401
    no_token_in(stranger.log("streamer"))


async def test_a_stream_token_opens_its_own_call_only(
    stranger: Stranger, app: AppClient, call: Json
) -> None:
    other = await quiet_call(app)
    url = await stranger.transport_url(call["call_connection_id"])
    others = await stranger.transport_url(other["call_connection_id"])
    signed = await stranger.authorization("media")
    right = handshake(call, signed)
    swapped = right | {"x-ms-call-correlation-id": other["correlation_id"]}
    for where, headers, status, reason in (
        (others, right, 403, "grant_other_call"),
        (url, handshake(other, signed), 403, "grant_other_call"),
        (url, swapped, 403, "grant_other_correlation"),
        (url[:-1], right, 401, "grant_unknown"),
        (url + "/..", right, 401, "grant_unknown"),
        (url.rpartition("/")[0] + "/", right, 401, "grant_unknown"),
    ):
        before = await stranger.streamer_counts(REFUSED, reason)
        assert await stranger.knock(where, headers) == status, reason
        assert await stranger.streamer_counts(REFUSED, reason) == before + 1
    assert await stranger.knock(url, right) == 101
    log = stranger.log("streamer")
    no_token_in(log)
    assert url.rpartition("/")[2] not in log
    assert others.rpartition("/")[2] not in log


@pytest.mark.parametrize("trick", [t for t in TRICKS if t.isascii() and "\x00" not in t] + [""])
async def test_a_malformed_call_id_opens_no_stream(
    stranger: Stranger, call: Json, trick: str
) -> None:
    url = await stranger.transport_url(call["call_connection_id"])
    headers = handshake(call, await stranger.authorization("media"))
    assert await stranger.knock(url, headers | {"x-ms-call-connection-id": trick}) == 400


async def test_a_handshake_with_oversized_headers_is_refused(
    stranger: Stranger, call: Json
) -> None:
    url = await stranger.transport_url(call["call_connection_id"])
    headers = handshake(call, await stranger.authorization("media")) | {"x-more": "x" * 20_000}
    before = await stranger.streamer_counts(REFUSED, "head_too_big")
    assert await stranger.knock(url, headers) == 431
    assert await stranger.streamer_counts(REFUSED, "head_too_big") == before + 1


# The callback events.


def event(call: Json, name: str = "MediaStreamingFailed", **changes: Any) -> Json:
    source = f"calling/callConnections/{call['call_connection_id']}"
    data = {
        "callConnectionId": call["call_connection_id"],
        "serverCallId": call["server_call_id"],
        "correlationId": call["correlation_id"],
    }
    return {
        "id": str(uuid.uuid4()),
        "source": source,
        "type": f"Microsoft.Communication.{name}",
        "time": datetime.now(UTC).isoformat(),
        "specversion": "1.0",
        "subject": source,
        "data": data | changes,
    }


async def record(app: AppClient, call: Json) -> Json:
    """What events can move of a record; streams that were opened here end when they like."""
    shown = await app.show(call["call_connection_id"])
    return {name: shown[name] for name in ("state", "streaming", "participants", "events")}


@pytest.mark.parametrize(("fault", "reason"), [*FORGERIES, ("too_long", "lifetime")])
async def test_an_event_with_a_forged_token_is_refused(
    stranger: Stranger, app: AppClient, call: Json, fault: str, reason: str
) -> None:
    before = await record(app, call)
    counted = await stranger.refusals("callbacks", 401, f"token_{reason}")
    status, text = await stranger.post(
        [event(call)], await stranger.authorization("callback", fault)
    )
    assert status == 401
    assert TOKEN.search(text) is None
    assert await stranger.refusals("callbacks", 401, f"token_{reason}", counted + 1) == counted + 1
    assert await record(app, call) == before
    no_token_in(stranger.log("app"))


@pytest.mark.parametrize("authorization", MALFORMED)
async def test_an_event_with_a_malformed_token_is_refused(
    stranger: Stranger, app: AppClient, call: Json, authorization: str
) -> None:
    before = await record(app, call)
    assert (await stranger.post([event(call)], authorization))[0] == 401
    assert await record(app, call) == before


async def test_an_event_with_a_handshake_s_token_is_refused(stranger: Stranger, call: Json) -> None:
    """A streamer that was broken into holds those; they must not move records."""
    captured = await stranger.authorization("media")
    assert (await stranger.post([event(call)], captured))[0] == 401


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"correlationId": str(uuid.uuid4())}, "correlation_id"),
        ({"serverCallId": "YW5vdGhlcg"}, "server_call_id"),
        ({"serverCallId": "YW5vdGhlcg", "correlationId": None}, "server_call_id"),
        ({"serverCallId": None, "correlationId": None}, "no_ids"),
    ],
)
async def test_an_event_with_ids_of_another_call_is_refused(
    stranger: Stranger, app: AppClient, call: Json, changes: Json, reason: str
) -> None:
    before = await record(app, call)
    counted = await stranger.refusals("callbacks", 403, reason)
    signed = await stranger.authorization("callback")
    status, text = await stranger.post([event(call, **changes)], signed)
    assert status == 403
    assert reason in json.loads(text)["errors"][0]["message"]
    assert await stranger.refusals("callbacks", 403, reason, counted + 1) == counted + 1
    assert await record(app, call) == before


async def test_a_captured_token_does_not_change_another_call(
    stranger: Stranger, app: AppClient, call: Json
) -> None:
    """The token of one call's event, with the id of another call put in."""
    signed = await stranger.authorization("callback")
    assert (await stranger.post([event(call, "ParticipantsUpdated")], signed))[0] == 200
    victim = await quiet_call(app)
    for swapped in (
        event(call) | {"data": event(call, callConnectionId=victim["call_connection_id"])["data"]},
        event(victim, correlationId=call["correlation_id"], serverCallId=call["server_call_id"]),
        event(victim) | {"source": f"calling/callConnections/{call['call_connection_id']}"},
        event(victim) | {"subject": f"calling/callConnections/{call['call_connection_id']}/X"},
    ):
        assert (await stranger.post([swapped], signed))[0] == 403
    assert (await record(app, victim))["events"] == victim["events"]


async def test_valid_events_of_an_array_are_recorded_even_if_others_are_refused(
    stranger: Stranger, app: AppClient, call: Json
) -> None:
    signed = await stranger.authorization("callback")
    first, last = event(call, "PlayCompleted"), event(call, "PlayFailed")
    foreign = event(call, correlationId="another")
    status, text = await stranger.post([first, foreign, {"id": "x"}, last], signed)
    assert status == 403
    assert len(json.loads(text)["errors"]) == 2
    known = [known["id"] for known in (await record(app, call))["events"]]
    assert first["id"] in known
    assert last["id"] in known
    assert foreign["id"] not in known


async def test_a_replayed_callback_changes_nothing(
    stranger: Stranger, app: AppClient, call: Json
) -> None:
    signed = await stranger.authorization("callback")
    body = [event(call, "PlayCompleted")]
    assert (await stranger.post(body, signed))[0] == 200
    before = await record(app, call)
    assert await asyncio.gather(*(stranger.post(body, signed) for _ in range(5))) == [(200, "")] * 5
    assert await record(app, call) == before


async def test_an_older_event_never_sets_a_record_back(stranger: Stranger, app: AppClient) -> None:
    call = await quiet_call(app)
    await app.hang_up(call["call_connection_id"])
    await app.until(call["call_connection_id"], state_is("disconnected"), "the call ends")
    late = event(call, "CallConnected") | {
        "time": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    }
    assert (await stranger.post([late], await stranger.authorization("callback")))[0] == 200
    assert (await record(app, call))["state"] == "disconnected"


async def test_an_event_of_an_unknown_call_without_a_correlation_id_creates_no_record(
    stranger: Stranger,
    app: AppClient,
) -> None:
    unknown = {
        "call_connection_id": uuid.uuid4().hex,
        "server_call_id": "x",
        "correlation_id": None,
    }
    signed = await stranger.authorization("callback")
    assert (await stranger.post([event(unknown, "CallConnected")], signed))[0] == 403
    assert (await app.request("GET", f"/api/v1/calls/{unknown['call_connection_id']}"))[0] == 404


async def test_an_oversized_callback_is_refused_and_counted(stranger: Stranger, call: Json) -> None:
    big = b"[" + b" " * 300_000 + b"]"
    counted = await stranger.refusals("callbacks", 413, "body_too_large")
    assert (await stranger.post(big, await stranger.authorization("callback")))[0] == 413
    assert await stranger.refusals("callbacks", 413, "body_too_large", counted + 1) == counted + 1
    assert (await stranger.post(big, None))[0] == 413, "a large body costs no check of a token"


@pytest.mark.parametrize("trick", [*TRICKS, ""])
async def test_a_malformed_call_id_in_an_event_reaches_no_blob(
    stranger: Stranger, app: AppClient, trick: str
) -> None:
    named = {"call_connection_id": trick, "server_call_id": "x", "correlation_id": "x"}
    counted = await stranger.refusals("callbacks", 400, "malformed_event")
    status, _ = await stranger.post([event(named)], await stranger.authorization("callback"))
    assert status == 400
    assert await stranger.refusals("callbacks", 400, "malformed_event", counted + 1) == counted + 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[", b"null", b"[1]", b'["\\ud800"]', b"\xff\xfe", b"[" * 200_000],
    ids=lambda body: repr(body[:8]),
)
async def test_a_malformed_event_is_a_bad_request(stranger: Stranger, body: bytes) -> None:
    assert (await stranger.post(body, await stranger.authorization("callback")))[0] == 400


# The HTTP functions.


async def test_event_grid_s_webhooks_require_their_key(stranger: Stranger) -> None:
    for webhook in (
        "EventGrid?functionName=answer_incoming_call",
        "blobs?functionName=Host.Functions.analyse_segment",
    ):
        for key in ("", "&code=", "&code=wrong", f"&code={stranger.up.addresses.function_key}"):
            status, body = await stranger.ask("POST", f"/runtime/webhooks/{webhook}{key}")
            assert (status, body) == (401, b""), (webhook, key)


@pytest.mark.parametrize(
    "trick", ["a\x00b", "a\r\nX: y", "a\x1b[2J", "a\u2028b", "a\u202eb", "x" * 257]
)
async def test_a_malformed_number_of_an_incoming_call_is_not_answered(
    stranger: Stranger, trick: str
) -> None:
    async with aiohttp.ClientSession(stranger.up.addresses.acs_endpoint) as emulator:
        for to, caller in ((f"4:{trick}", PHONE["from"]), (PHONE["to"], f"8:acs:{trick}/")):
            before = await stranger.refusals("incoming", 400, "malformed_event")
            ring = await simulate_incoming_call(emulator, to=to, **{"from": caller})
            assert (ring["deliveries"], ring["state"]) == ([202], "ringing")
            found = await stranger.refusals("incoming", 400, "malformed_event", before + 1)
            assert found == before + 1
    no_token_in(stranger.log("app"))


async def test_every_function_requires_its_key(stranger: Stranger, call: Json) -> None:
    key = stranger.up.addresses.function_key
    closed = [found for found in http_functions() if found.level != AuthLevel.ANONYMOUS]
    assert len(closed) >= 8
    for method, route, _, _ in closed:
        path = "/api/" + re.sub(r"\{\w+\}", "0", route.replace("{id}", call["call_connection_id"]))
        counted = stranger.log("app").count("refused entrance=host status=401 reason=key")
        for headers in (
            {},
            {"x-functions-key": ""},
            {"x-functions-key": "wrong"},
            {"x-functions-key": key[:-1]},
            {"Authorization": f"Bearer {key}"},
            {"Authorization": await stranger.authorization("callback") or ""},
        ):
            assert await stranger.ask(method, path, **headers) == (401, b""), (method, path)
        assert (await stranger.ask(method, path + "?code=wrong"))[0] == 401
        log = stranger.log("app")
        assert log.count("refused entrance=host status=401 reason=key") == counted + 7
        no_token_in(log)
        assert key not in log


@pytest.mark.parametrize(
    "trick", [*TRICKS, "%2e%2e%2fcalls", "%5c..%5c", "x%3fcode=1", "%0d%0aX: y"]
)
async def test_a_malformed_path_reaches_no_other_call(stranger: Stranger, trick: str) -> None:
    key = stranger.up.addresses.function_key
    for method, suffix in (
        ("GET", ""),
        ("POST", "/hangup"),
        ("POST", "/streaming/start"),
        ("POST", "/streaming/stop"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/links"),
        ("GET", "/timeline"),
        ("GET", "/recording"),
        ("GET", "/transcript.vtt"),
        ("GET", "/segments/mixed/0"),
    ):
        path = f"/api/v1/calls/{trick}{suffix}"
        status, body = await stranger.ask(method, path, **{"x-functions-key": key})
        assert status in (400, 404, 405), (method, path, status, body)


@pytest.mark.parametrize("trick", [*TRICKS, "9" * 5000])
async def test_a_malformed_segment_or_failure_name_reaches_no_blob(
    stranger: Stranger, call: Json, trick: str
) -> None:
    key = stranger.up.addresses.function_key
    segments = f"/api/v1/calls/{call['call_connection_id']}/segments"
    for method, path in (
        ("GET", f"{segments}/{trick}/0"),
        ("GET", f"{segments}/mixed/{trick}"),
        ("POST", f"/api/v1/failures/{trick}/retry"),
    ):
        status, body = await stranger.ask(method, path, **{"x-functions-key": key})
        assert status in (400, 404, 405), (method, path, status, body)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "x", "%D9%A1", "9" * 5000])
async def test_a_limit_is_a_small_number(stranger: Stranger, limit: str) -> None:
    key = stranger.up.addresses.function_key
    path = f"/api/v1/calls?limit={limit}"
    assert (await stranger.ask("GET", path, **{"x-functions-key": key}))[0] == 400


async def test_a_cursor_of_control_characters_is_refused_at_once(stranger: Stranger) -> None:
    """Azurite fails at one, which the storage client then tries again for a minute and more."""
    key = stranger.up.addresses.function_key
    async with asyncio.timeout(30):
        asked = await stranger.ask("GET", "/api/v1/calls?cursor=AAAA", **{"x-functions-key": key})
    assert asked[0] == 400


async def test_a_body_that_is_nested_too_deeply_is_a_bad_request(stranger: Stranger) -> None:
    key = stranger.up.addresses.function_key
    head = f"POST /api/v1/calls HTTP/1.1\r\nx-functions-key: {key}\r\nContent-Length: 200000\r\n"
    assert await stranger.send(head.encode() + b"Host: x\r\n\r\n" + b"[" * 200_000) == 400


@pytest.mark.parametrize("header", ["x-functions-key", "Authorization", "Idempotency-Key"])
async def test_a_header_that_is_not_valid_text_is_a_bad_request(
    stranger: Stranger, header: str
) -> None:
    head = f"POST /api/v1/callbacks HTTP/1.1\r\nHost: x\r\n{header}: ".encode()
    assert await stranger.send(head + b"Bearer \xff\xfe.x.y\r\n\r\n") == 400


@pytest.mark.parametrize("header", ["x-functions-key : {}", "Authorization: Bearer {}\x00"])
async def test_the_key_in_a_malformed_request_is_not_logged(
    stranger: Stranger, header: str
) -> None:
    secret = uuid.uuid4().hex
    head = f"GET /api/v1/calls HTTP/1.1\r\nHost: x\r\n{header.format(secret)}\r\n\r\n"
    assert await stranger.send(head.encode()) == 400
    assert secret not in stranger.log("app")
    assert "Error handling request" in stranger.log("app")


async def test_an_oversized_body_is_refused(stranger: Stranger, app: AppClient) -> None:
    status, problem, _ = await app.request("POST", "/api/v1/calls", {"to": "x" * 300_000})
    assert (status, problem["title"]) == (413, "Content Too Large")


@pytest.mark.parametrize(
    "number",
    [
        "15551230000",
        "+0155512",
        "+1",
        "+1555123000012345",
        "+1555 123",
        "+1555123x",
        "+१२३४५",
        "+155\n",
    ],
)
async def test_a_phone_number_is_e164(app: AppClient, number: str) -> None:
    for field in ("to", "from"):
        status, problem, _ = await app.request("POST", "/api/v1/calls", PHONE | {field: number})
        assert status == 400
        assert field in {error["field"] for error in problem["errors"]}
