"""Streams that begin while Blob Storage is away: recorded, and uploaded once they have a grant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from contract import names
from contract.grants import new_token
from local.azurite import Azurite
from streamer.grants import GrantVerifier
from streamer.pending_streams import GrantedOutbox, PendingStream, PendingStreams
from streamer.spool import Spool
from tests.acs.test_tokens import AUDIENCE, ISSUER, KeyServer, new_key
from tests.streamer.conftest import Stored, StreamerProcess, audio, metadata, pcm
from tests.streamer.test_handshake import Grants, status, url

Start = Callable[..., StreamerProcess]


@pytest.fixture
async def keys() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    server.lifetime_seconds = 24 * 3600
    await server.start()
    yield server
    await server.runner.cleanup()


@pytest.fixture
def azurite(tmp_path: Path) -> Iterator[Azurite]:
    """A Blob Storage that the test may stop and start, and that keeps its content."""
    with Azurite(tmp_path / "azurite") as azurite:
        yield azurite


@pytest.fixture
def locked(streamer: Start, keys: KeyServer, azurite: Azurite) -> Start:
    def start(**settings: str) -> StreamerProcess:
        required = {
            "GRANT_CHECK": "require",
            "TOKEN_CHECK": "require",
            "ACS_TOKEN_ISSUER": ISSUER,
            "ACS_TOKEN_AUDIENCE": AUDIENCE,
            "ACS_TOKEN_JWKS_URL": keys.url + "/openid",
            "spool": "pending",
            "connection": azurite.connection_string,
        }
        return streamer(**(required | settings))

    return start


async def warm_up(server: StreamerProcess, keys: KeyServer) -> dict[str, str]:
    """Have the keys and the containers there, and return the headers of a signed handshake."""
    headers = {"x-ms-call-connection-id": "warm-up", "Authorization": keys.sign()}
    assert await status(server, "unknown", headers) == 401
    return headers


async def record_away(
    server: StreamerProcess, token: str, headers: dict[str, str], azurite: Azurite
) -> None:
    """Stop Blob Storage, and record 30 frames in one stream."""
    await asyncio.to_thread(azurite.stop)
    async with connect(url(server, token), additional_headers=headers, compression=None) as socket:
        await socket.send(metadata())
        for index in range(30):
            await socket.send(audio(index))
    await asyncio.to_thread(server.until, lambda: not server.get("/healthz")[1]["streams"])


def list_blobs(azurite: Azurite, container: str) -> Callable[[], list[str]]:
    """Return a function that lists a container's blobs."""
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    client = service.get_container_client(container)
    return lambda: [blob.name for blob in client.list_blobs()]


@pytest.mark.parametrize("restart", [False, True])
async def test_a_call_that_begins_while_storage_is_away_is_recorded(
    locked: Start, keys: KeyServer, azurite: Azurite, call: str, restart: bool
) -> None:
    server = locked()
    headers = (await warm_up(server, keys)) | {"x-ms-call-connection-id": call}
    grants = Grants(azurite.connection_string)
    token = grants.put()
    await record_away(server, token, headers, azurite)
    assert server.metric("streamer_streams_pending") == 1
    if restart:
        server.kill()
        server = locked()
    await asyncio.to_thread(azurite.start)
    stored = Stored(azurite.connection_string, call)
    (manifest,) = await asyncio.to_thread(stored.manifests)
    assert manifest.ended_by.startswith("1000")
    assert stored.track() == b"".join(map(pcm, range(30)))
    assert grants.get(token).call_connection_id == call, "bound, as at the handshake"
    assert server.metric("streamer_streams_pending") == 0
    log = server.log.read_text()
    assert "stream_pending" in log
    assert "grant_confirmed" in log
    assert token not in log
    assert not list((server.spool / "pending").iterdir())
    server.until(lambda: server.get("/healthz")[1]["spool"]["bytes"] == 0)


@pytest.mark.parametrize("restart", [False, True])
async def test_without_a_grant_its_files_are_quarantined(
    locked: Start, keys: KeyServer, azurite: Azurite, call: str, restart: bool
) -> None:
    server = locked()
    headers = (await warm_up(server, keys)) | {"x-ms-call-connection-id": call}
    await record_away(server, new_token(), headers, azurite)
    if restart:
        server.kill()
        server = locked()
    await asyncio.to_thread(azurite.start)
    counted = 'streamer_streams_quarantined_total{reason="grant_unknown"}'
    await asyncio.to_thread(server.until, lambda: server.metric(counted) == 1)
    rejected = list_blobs(azurite, names.REJECTED)
    await asyncio.to_thread(server.until, lambda: len(rejected()) == 2)
    assert sorted(Path(blob).suffix for blob in rejected()) == [".json", ".wav"]
    assert not list((server.spool / "pending").iterdir())
    assert "stream_quarantined" in server.log.read_text()
    assert not list_blobs(azurite, names.SEGMENTS)()
    server.until(lambda: server.get("/healthz")[1]["spool"]["bytes"] == 0)
    assert server.terminate() == 0


async def test_an_open_stream_without_a_grant_is_closed(
    locked: Start, keys: KeyServer, azurite: Azurite, call: str
) -> None:
    server = locked(SEGMENT_SECONDS="1")
    headers = (await warm_up(server, keys)) | {"x-ms-call-connection-id": call}
    await asyncio.to_thread(azurite.stop)
    async with connect(
        url(server, new_token()), additional_headers=headers, compression=None
    ) as socket:
        await socket.send(metadata())
        for index in range(70):
            await socket.send(audio(index))
        await asyncio.to_thread(azurite.start)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert "grant_unknown" in closed.value.rcvd.reason
    rejected = list_blobs(azurite, names.REJECTED)
    await asyncio.to_thread(server.until, lambda: len(rejected()) == 3)


@pytest.mark.parametrize(("check", "different"), [("warn", 503), ("learn", 101)])
async def test_without_a_verified_token_the_call_is_refused(
    locked: Start, keys: KeyServer, azurite: Azurite, call: str, check: str, different: int
) -> None:
    """Learning, it is enough that ACS has signed the token."""
    server = locked(TOKEN_CHECK=check)
    headers = {"x-ms-call-connection-id": call}
    assert await status(server, "unknown", headers) == 401
    await asyncio.to_thread(azurite.stop)
    assert await status(server, new_token(), headers) == 503
    signed = headers | {"Authorization": keys.sign()}
    assert await status(server, new_token(), signed) == 101
    for_another = headers | {"Authorization": keys.sign(aud="another")}
    assert await status(server, new_token(), for_another) == different
    unknown_key = headers | {"Authorization": keys.sign(kid="k9", key=new_key())}
    assert await status(server, new_token(), unknown_key) == 503


@pytest.mark.parametrize("note", [b'{"grant": "x"}', b'{"grant": "\xff"}', b""])
async def test_a_note_that_cannot_be_read_keeps_its_stream_from_being_uploaded(
    spool: Spool, caplog: pytest.LogCaptureFixture, note: bytes
) -> None:
    (spool.root / "pending").mkdir()
    stream = "20260301T120000000Z-0a1b2c3d"
    (spool.root / "pending" / f"{stream}.json").write_bytes(note)
    pending = PendingStreams(spool, GrantVerifier(None, "warn"), lambda *_: None)  # type: ignore[arg-type]
    path = spool.outbox_path(names.MANIFESTS, f"call/{stream}.json")
    path.write_text("{}")
    assert pending.hold(stream, path, None)
    assert not path.exists()
    assert not pending.hold("another", path, None)
    assert "pending_note_malformed" in caplog.text


async def test_nothing_of_a_pending_stream_is_uploaded_not_even_a_participant_s_note(
    spool: Spool,
) -> None:
    pending = PendingStreams(spool, GrantVerifier(None, "warn"), lambda *_: None)  # type: ignore[arg-type]
    stream = "20260301T120000000Z-0a1b2c3d"
    pending.add(
        PendingStream(
            stream_id=stream,
            call_connection_id="call",
            correlation_id="",
            grant="grant.json",
            began_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        )
    )
    outbox = GrantedOutbox(spool, None, 1, pending)  # type: ignore[arg-type]
    for container, blob in (
        (names.DRAFTS, f"call/{stream}.p1.note"),
        (names.SEGMENTS, f"call/{stream}/p1/20260301T120000.000Z.wav"),
        (names.MANIFESTS, f"call/{stream}.json"),
    ):
        outbox.add(spool.outbox_path(container, blob))
    assert pending.file_count == outbox.file_count == 3
