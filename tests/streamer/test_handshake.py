"""Authentication of the handshake, with real sockets, tokens and grants in Blob Storage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from azure.storage.blob import BlobServiceClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from contract import names
from contract.grants import DtmfMode, StreamGrant, decode_grant, encode_grant, new_grant, new_token
from contract.token_findings import decode_finding, finding_blob
from streamer.grant_openings import BURST
from tests.acs.test_tokens import (
    AUDIENCE,
    ISSUER,
    KeyServer,
    hs256_with_the_public_key,
    new_key,
)
from tests.streamer.conftest import Stored, StreamerProcess, audio, metadata, pcm

Start = Callable[..., StreamerProcess]


@pytest.fixture
async def keys() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    server.lifetime_seconds = 24 * 3600
    await server.start()
    yield server
    await server.runner.cleanup()


@pytest.fixture
def locked(streamer: Start, keys: KeyServer) -> Callable[..., StreamerProcess]:
    def start(**settings: str) -> StreamerProcess:
        required = {
            "TOKEN_CHECK": "require",
            "GRANT_CHECK": "require",
            "ACS_TOKEN_ISSUER": ISSUER,
            "ACS_TOKEN_AUDIENCE": AUDIENCE,
            "ACS_TOKEN_JWKS_URL": keys.url + "/openid",
        }
        return streamer(**(required | settings))

    return start


class Grants:
    def __init__(self, storage: str) -> None:
        service = BlobServiceClient.from_connection_string(storage)
        self.container = service.get_container_client(names.GRANTS)

    def put(self, **changes: Any) -> str:
        token = new_token()
        grant = msgspec.structs.replace(new_grant(datetime.now(UTC)), **changes)
        self.container.upload_blob(names.grant_blob(token), encode_grant(grant), overwrite=True)
        return token

    def get(self, token: str) -> StreamGrant:
        return decode_grant(self.container.download_blob(names.grant_blob(token)).readall())


@pytest.fixture
def grants(storage: str) -> Grants:
    return Grants(storage)


def url(server: StreamerProcess, token: str) -> str:
    return f"ws://127.0.0.1:{server.port}/media/{token}"


async def status(server: StreamerProcess, token: str, headers: dict[str, str]) -> int:
    try:
        async with connect(
            url(server, token), additional_headers=headers, compression=None, open_timeout=60
        ):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_both_tokens_admit_the_call_they_are_for(
    locked: Start, keys: KeyServer, grants: Grants, call: str, stored: Stored
) -> None:
    server = locked()
    token = grants.put()
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    async with connect(
        url(server, token), additional_headers=headers, compression=None, open_timeout=60
    ) as socket:
        await socket.send(metadata())
        await socket.send(audio(0))
    stored.manifests()
    assert stored.track() == pcm(0)
    assert grants.get(token).call_connection_id == call, "the first WebSocket bound it"
    note = names.grant_note(call, names.grant_blob(token))
    assert grants.container.get_blob_client(note).exists(), "the app finds it at the call's end"
    assert await status(server, token, headers) == 101, "and it may reconnect"
    other = headers | {"x-ms-call-connection-id": "another-call"}
    assert await status(server, token, other) == 403
    log = server.log.read_text()
    assert token not in log
    assert "Bearer" not in log
    assert "eyJ" not in log


async def test_a_signed_handshake_with_bytes_that_are_not_utf_8_is_answered(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked()
    token = grants.put()
    lines = [
        f"GET /media/{token} HTTP/1.1",
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: {keys.sign()}",
        f"x-ms-call-connection-id: {call}",
        "x-ms-call-correlation-id: \xe9\xff",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"HTTP/1.1 101 ")
    writer.close()
    assert grants.get(token).call_connection_id == call


@pytest.mark.parametrize(
    ("forge", "expected", "reason"),
    [
        (lambda k: None, 401, "token_missing"),
        (lambda k: k.sign(key="", alg="none"), 401, "token_algorithm"),
        (lambda k: k.sign(key=new_key()), 401, "token_signature"),
        (lambda k: k.sign(kid="k9", key=new_key()), 401, "token_unknown_key"),
        (lambda k: k.sign(exp=time.time() - 3600), 401, "token_expired"),
        (lambda k: k.sign(nbf=time.time() + 3600), 401, "token_not_yet_valid"),
        (lambda k: k.sign(iss="https://evil.test"), 401, "token_issuer"),
        (lambda k: k.sign(aud="another"), 401, "token_audience"),
        # A callback event's.
        (lambda k: k.sign(iat=time.time(), exp=time.time() + 300), 401, "token_lifetime"),
    ],
)
async def test_a_wrong_bearer_token_is_refused_although_the_grant_is_right(
    locked: Start,
    keys: KeyServer,
    grants: Grants,
    call: str,
    forge: Callable[[KeyServer], str | None],
    expected: int,
    reason: str,
) -> None:
    server = locked()
    token, authorization = grants.put(call_connection_id=call), forge(keys)
    headers = {"x-ms-call-connection-id": call}
    if authorization is not None:
        headers["Authorization"] = authorization
    assert await status(server, token, headers) == expected
    assert server.metric(f'streamer_handshakes_refused_total{{reason="{reason}"}}') == 1
    assert f"handshake_refused status={expected} reason={reason}" in server.log.read_text()


async def test_a_wrong_stream_token_is_refused_although_the_bearer_is_right(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked()
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    past = datetime.now(UTC) - timedelta(hours=1)
    for token, expected in (
        (new_token(), 401),
        ("", 401),
        ("..%2f", 401),
        (grants.put(expires_at=past), 401),
        (grants.put(ended_at=past), 401),
        (grants.put(call_connection_id="another-call"), 403),
    ):
        assert await status(server, token, headers) == expected


async def test_the_correlation_id_must_be_the_grants(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked(CORRELATION_CHECK="require")
    right = {
        "x-ms-call-connection-id": call,
        "x-ms-call-correlation-id": "correlation",
        "Authorization": keys.sign(),
    }
    wrong = right | {"x-ms-call-correlation-id": "another"}
    missing = {name: value for name, value in right.items() if "correlation" not in name}
    first = grants.put()
    placed = grants.put(call_connection_id=call, correlation_id="correlation")
    assert await status(server, first, right) == 101
    assert grants.get(first).correlation_id == "correlation", "the first WebSocket bound it"
    for token in (first, placed):
        assert await status(server, token, right) == 101
        assert await status(server, token, wrong) == 403
        assert await status(server, token, missing) == 403
    refused = 'streamer_handshakes_refused_total{reason="grant_other_correlation"}'
    assert server.metric(refused) == 4
    lenient = locked()
    assert await status(lenient, placed, wrong) == 101
    warned = 'streamer_handshakes_warned_total{reason="grant_other_correlation"}'
    assert lenient.metric(warned) == 1
    assert await status(locked(CORRELATION_CHECK="off"), placed, wrong) == 101


async def test_a_grant_admits_a_few_streams_at_once(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    """Empty sockets with one call's token do not keep all other calls out."""
    server = locked(MAX_STREAMS_PER_GRANT="3", MAX_STREAMS="10")
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    token = grants.put()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            websocket = connect(
                url(server, token), additional_headers=headers, compression=None, open_timeout=60
            )
            await stack.enter_async_context(websocket)
        for _ in range(20):
            assert await status(server, token, headers) == 429
        other = headers | {"x-ms-call-connection-id": f"{call}-2"}
        assert await status(server, grants.put(), other) == 101
    refused = 'streamer_handshakes_refused_total{reason="grant_streams"}'
    assert server.metric(refused) == 20
    await asyncio.to_thread(server.until, lambda: not server.get("/healthz")[1]["streams"])
    assert await status(server, token, headers) == 101


async def test_a_grant_opens_a_bounded_number_of_streams_one_after_another(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    """Each may have the app assemble the call."""
    server = locked(MAX_STREAMS_PER_GRANT="100", MAX_STREAMS="100")
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    token = grants.put()
    assert [await status(server, token, headers) for _ in range(BURST)] == [101] * BURST
    # Further ones only slowly: one may be admitted, but not one after another.
    assert 429 in [await status(server, token, headers) for _ in range(BURST)]
    other = headers | {"x-ms-call-connection-id": f"{call}-2"}
    assert await status(server, grants.put(), other) == 101
    refused = 'streamer_handshakes_refused_total{reason="grant_openings"}'
    assert server.metric(refused) > 0


async def test_the_grants_sample_rate_is_that_of_a_stream_without_metadata(
    locked: Start, keys: KeyServer, grants: Grants, call: str, stored: Stored
) -> None:
    server = locked()
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    token = grants.put(sample_rate=24_000)
    async with connect(
        url(server, token), additional_headers=headers, compression=None, open_timeout=60
    ) as socket:
        await socket.send(audio(0, data=pcm(0, 1000)))
    (manifest,) = stored.manifests()
    assert manifest.sample_rate == 24_000
    assert stored.track() == pcm(0, 1000)


async def test_the_grant_says_what_is_kept_of_dtmf_tones(
    locked: Start, keys: KeyServer, grants: Grants, call: str, storage: str
) -> None:
    server = locked()
    digits = ["4", "9", "2", "7"]
    kept = {}
    modes: tuple[DtmfMode, ...] = "off", "times", "digits"
    for mode in modes:
        headers = {"x-ms-call-connection-id": f"{call}-{mode}", "Authorization": keys.sign()}
        address = url(server, grants.put(dtmf=mode))
        async with connect(
            address, additional_headers=headers, compression=None, open_timeout=60
        ) as socket:
            await socket.send(audio(0))
            for digit in digits:
                tone = {"data": digit, "participantRawID": "4:+1"}
                await socket.send(json.dumps({"kind": "DtmfData", "dtmfData": tone}))
        manifests = Stored(storage, f"{call}-{mode}").manifests()
        kept[mode] = [(tone.tone, tone.participant_raw_id) for tone in manifests[0].dtmf]
    assert kept == {
        "off": [],
        "times": [(None, "4:+1")] * 4,
        "digits": [(digit, "4:+1") for digit in digits],
    }


async def test_warn_admits_counts_and_logs(locked: Start, call: str) -> None:
    server = locked(TOKEN_CHECK="warn", GRANT_CHECK="warn")
    assert await status(server, "wrong", {"x-ms-call-connection-id": call}) == 101
    for reason in ("token_missing", "grant_unknown"):
        assert server.metric(f'streamer_handshakes_warned_total{{reason="{reason}"}}') == 1
        assert f"handshake_warned reason={reason}" in server.log.read_text()


DIFFERENT: list[tuple[str, Callable[[KeyServer], str | None]]] = [
    ("issuer", lambda k: k.sign(iss="https://other.test")),
    ("audience", lambda k: k.sign(aud="another")),
    ("claims", lambda k: k.sign(exp=None)),
    ("lifetime", lambda k: k.sign(iat=time.time(), exp=time.time() + 300)),
    ("unknown_key", lambda k: k.sign(kid="k9", key=new_key())),
    ("algorithm", lambda k: k.sign(alg="RS512")),
    ("malformed", lambda _: "Bearer not.a.token"),
    ("missing", lambda _: None),
]


async def test_learn_admits_a_different_bearer_token_with_the_stream_token_alone(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked(TOKEN_CHECK="learn")
    blob = grants.container.get_blob_client(finding_blob("media", is_documented=False))
    blob.upload_blob(b"", overwrite=True)

    def tells(reason: str) -> bool:
        content = blob.download_blob().readall()
        return bool(content) and decode_finding(content).failed == reason

    for number, (reason, make) in enumerate(DIFFERENT):
        headers = {"x-ms-call-connection-id": f"{call}-{number}"}
        if (authorization := make(keys)) is not None:
            headers["Authorization"] = authorization
        assert await status(server, new_token(), headers) == 401
        assert await status(server, grants.put(call_connection_id="another-call"), headers) == 403
        assert not tells(reason), "a stranger tells nothing"
        assert await status(server, grants.put(), headers) == 101
        await asyncio.to_thread(server.until, partial(tells, reason))
        if not number:
            line = f"acs_token_different entrance=media reason={reason} signed=True"
            assert server.log.read_text().count(line) == 1
        assert authorization is None or authorization.split()[1] not in server.log.read_text()


async def test_learn_refuses_a_forged_bearer_token(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked(TOKEN_CHECK="learn")
    token = grants.put(call_connection_id=call)
    for forged in (
        keys.sign(key="", alg="none"),
        keys.sign(key=new_key()),
        hs256_with_the_public_key(keys),
    ):
        headers = {"x-ms-call-connection-id": call, "Authorization": forged}
        assert await status(server, token, headers) == 401


async def test_learn_tells_of_a_token_as_documented(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked(TOKEN_CHECK="learn")
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    began_at = datetime.now(UTC)
    assert await status(server, grants.put(), headers) == 101

    def is_told() -> bool:
        blob = grants.container.get_blob_client(finding_blob("media", is_documented=True))
        return blob.exists() and decode_finding(blob.download_blob().readall()).at >= began_at

    await asyncio.to_thread(server.until, is_told)


async def test_handshakes_that_wait_for_the_key_server_take_no_places(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked(MAX_STREAMS="1")
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    token = grants.put()
    assert await status(server, token, headers) == 101
    await asyncio.to_thread(server.until, lambda: not server.get("/healthz")[1]["streams"])
    keys.slow_seconds = 1
    forged = headers | {"Authorization": keys.sign(kid="k2", key=new_key())}
    strangers = [asyncio.create_task(status(server, token, forged)) for _ in range(5)]
    await asyncio.to_thread(server.until, lambda: keys.requests == 2)
    assert await status(server, token, headers) == 101
    refusals = set(await asyncio.gather(*strangers))
    # 503: those that arrived only while the call had the one place.
    assert {401} <= refusals <= {401, 503}


async def test_of_two_handshakes_for_the_last_place_one_is_admitted(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    """Both find it free and wait for the keys before either takes it."""
    server = locked(MAX_STREAMS="1")
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    keys.slow_seconds = 0.5
    token = grants.put()
    opened = [
        asyncio.create_task(
            connect(
                url(server, token), additional_headers=headers, compression=None, open_timeout=60
            ).__aenter__()
        )
        for _ in range(2)
    ]
    results = await asyncio.gather(*opened, return_exceptions=True)
    (refused,) = [result for result in results if isinstance(result, InvalidStatus)]
    assert refused.response.status_code == 503
    assert server.metric('streamer_handshakes_refused_total{reason="full"}') == 1
    for result in results:
        if not isinstance(result, BaseException):
            await result.close()


async def test_a_close_reason_cannot_forge_a_log_line(
    locked: Start, keys: KeyServer, grants: Grants, call: str, stored: Stored
) -> None:
    server = locked()
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    async with connect(
        url(server, grants.put()), additional_headers=headers, compression=None
    ) as socket:
        await socket.send(metadata())
        await socket.close(1000, "a\nforged line")
    stored.manifests()
    line = 'reason="1000 a\\nforged line"'
    await asyncio.to_thread(server.until, lambda: line in server.log.read_text())


async def test_cached_keys_outlive_their_server(
    locked: Start, keys: KeyServer, grants: Grants, call: str
) -> None:
    server = locked()
    headers = {"x-ms-call-connection-id": call, "Authorization": keys.sign()}
    token = grants.put()
    assert await status(server, token, headers) == 101
    keys.down = True
    assert await status(server, token, headers) == 101
    unknown = headers | {"Authorization": keys.sign(kid="k2", key=new_key())}
    assert await status(server, token, unknown) in (401, 503)
