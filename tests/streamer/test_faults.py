"""Faults, with real processes. After each, Blob Storage has every sample up to the last flushed
second exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from local.azurite import Azurite
from streamer.stream_folder import read_state
from tests.streamer.conftest import (
    FRAME,
    Stored,
    StreamerProcess,
    audio,
    metadata,
    open_websocket,
    pcm,
    wait_for_close,
)

Start = Callable[..., StreamerProcess]

STREAMS = 50
AWAY_SECONDS = float(os.environ.get("FAULT_AWAY_SECONDS", "0"))
"""How long Blob Storage is away at least; a minute, as in the field, with FAULT_AWAY_SECONDS=60."""

pytestmark = pytest.mark.timeout(AWAY_SECONDS + 480)


class Caller:
    """ACS's side of one call's stream: frames at their pace, and how many were sent."""

    def __init__(self, server: StreamerProcess, call: str) -> None:
        self.call = call
        self._server = server
        self.origin = datetime.now(UTC).replace(microsecond=0)
        self.sent = 0
        self.closed: tuple[int, str] | None = None
        self.socket: ClientConnection | None = None

    def headers(self) -> dict[str, str]:
        return {"x-ms-call-connection-id": self.call, "x-ms-call-correlation-id": "faults"}

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set, or until the streamer closes or is gone."""
        with contextlib.suppress(OSError, ConnectionClosed, EOFError):
            async with connect(
                self._server.url,
                additional_headers=self.headers(),
                compression=None,
                ping_interval=None,
                open_timeout=60,
            ) as self.socket:
                try:
                    await self.socket.send(metadata())
                    begun = time.monotonic()
                    while not stop.is_set():
                        await self.socket.send(audio(self.sent, origin=self.origin))
                        self.sent += 1
                        due = begun + self.sent * 0.02
                        await asyncio.sleep(max(0.0, due - time.monotonic()))
                finally:
                    received = self.socket.protocol.close_rcvd
                    if received is not None:
                        self.closed = (received.code, received.reason)


@contextlib.asynccontextmanager
async def calling(callers: list[Caller], seconds: float) -> AsyncIterator[asyncio.Event]:
    """Have all callers send; run the body after this many seconds of audio, then stop them."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(caller.run(stop)) for caller in callers]
    try:
        async with asyncio.timeout(120):
            while min(caller.sent for caller in callers) < seconds * 50:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield stop
    finally:
        stop.set()
        await asyncio.gather(*tasks)


def check(storage: str, caller: Caller, at_least: int | None = None, timeout: float = 60) -> None:
    """Check that the call's audio is what was sent: at least this many frames, each once."""
    stored = Stored(storage, caller.call)
    (manifest,) = stored.manifests(timeout=timeout)
    audio_bytes = stored.track()
    expected = b"".join(map(pcm, range(caller.sent)))
    assert expected.startswith(audio_bytes)
    assert len(audio_bytes) >= 2 * FRAME * (caller.sent if at_least is None else at_least)
    assert len(stored.segments()) == len(manifest.segments), (
        "each segment exists once, and no other"
    )
    assert manifest.counts.lost == manifest.counts.gaps == 0
    # A kill in the middle of a write may leave a part of the last frame.
    partial_bytes = len(audio_bytes) - manifest.counts.frames * FRAME * 2
    assert partial_bytes == 0 or (at_least is not None and 0 < partial_bytes < FRAME * 2)


async def failed_uploads(server: StreamerProcess, count: int) -> None:
    """Wait until so many uploads have failed."""
    name = "streamer_upload_failures_total"
    await asyncio.to_thread(server.until, lambda: server.metric(name) >= count, 120)


async def failed_writes(server: StreamerProcess, count: int) -> None:
    """Wait until so many more writes to the spool have failed."""
    name = "streamer_spool_errors_total"
    before = await asyncio.to_thread(server.metric, name)
    await asyncio.to_thread(server.until, lambda: server.metric(name) >= before + count, 120)


async def flushed(server: StreamerProcess, callers: list[Caller]) -> list[int]:
    """Return how many frames each has sent by now, once they are on disk.

    Callers must go on: the part of a segment that has just ended is moved away.
    """
    sent = [caller.sent for caller in callers]
    waiting = {
        caller.call: caller.origin.timestamp() + count * 0.02 - 0.001
        for caller, count in zip(callers, sent, strict=True)
    }
    streams = server.spool / "streams"

    def are_flushed() -> bool:
        for folder in streams.iterdir():
            call = read_state(folder).call_connection_id
            if call in waiting and server.flushed_until(folder) >= waiting[call]:
                del waiting[call]
        return not waiting

    await asyncio.to_thread(server.until, are_flushed)
    return sent


def callers_of(server: StreamerProcess, call: str, count: int = STREAMS) -> list[Caller]:
    return [Caller(server, f"{call}-{number}") for number in range(count)]


@pytest.fixture
def own_storage(tmp_path: Path) -> Iterator[Azurite]:
    """A Blob Storage that the test may stop and start, and that keeps its content."""
    with Azurite(tmp_path / "azurite") as azurite:
        yield azurite


class BadBlob:
    """A proxy before Blob Storage that can answer with 503, or not at all."""

    def __init__(self, azurite: Azurite) -> None:
        self.mode: Literal["well", "503", "silent"] = "well"
        self.refused = 0
        self._target = azurite.blob_endpoint.split("/")[2].split(":")
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> BadBlob:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def connection_string(self, azurite: Azurite) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return azurite.connection_string.replace(
            f"BlobEndpoint={azurite.blob_endpoint}",
            f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1",
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        storage_reader, storage_writer = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(
                self._requests(reader, storage_writer, writer),
                self._pipe(storage_reader, writer),
            )
        except OSError:
            pass
        finally:
            storage_writer.close()
            writer.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        storage: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        while chunk := await reader.read(65_536):
            if self.mode == "well":
                storage.write(chunk)
                await storage.drain()
                continue
            self.refused += 1
            if self.mode == "503":
                client.write(
                    b"HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
                await client.drain()
                client.close()
                break
        storage.close()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()


async def test_a_kill_under_fifty_streams(streamer: Start, storage: str, call: str) -> None:
    server = streamer(spool="killed", SEGMENT_SECONDS="2")
    callers = callers_of(server, call)
    async with calling(callers, 5):
        counts = await flushed(server, callers)
        server.kill()
    restarted = streamer(spool="killed")
    for caller, count in zip(callers, counts, strict=True):
        check(storage, caller, count)
    restarted.until(lambda: restarted.get("/healthz")[1]["spool"]["bytes"] == 0)


async def test_a_second_kill_during_recovery(streamer: Start, storage: str, call: str) -> None:
    server = streamer(spool="killed", SEGMENT_SECONDS="2")
    callers = callers_of(server, call, 20)
    async with calling(callers, 3):
        counts = await flushed(server, callers)
        server.kill()
    again = streamer(spool="killed")
    again.kill()
    streamer(spool="killed")
    for caller, count in zip(callers, counts, strict=True):
        check(storage, caller, count)


async def test_health_names_no_call_and_no_participant(
    streamer: Start, own_storage: Azurite, call: str
) -> None:
    """When an upload's own file cannot be read, the operating system's message names the file.

    A file that was removed is lost, and nothing waits for it.
    """
    server = streamer(connection=own_storage.connection_string)
    await asyncio.to_thread(own_storage.stop)
    callers = callers_of(server, call, 1)
    async with calling(callers, 1):
        pass
    outbox = server.spool / "outbox"
    await asyncio.to_thread(server.until, lambda: any(outbox.rglob("*.json")))
    (path,) = outbox.rglob("*.wav")
    path.unlink()
    path.mkdir()

    def uploads() -> dict[str, Any]:
        status: dict[str, Any] = server.get("/healthz")[1]["uploads"]
        return status

    await asyncio.to_thread(server.until, lambda: uploads()["error"] == "IsADirectoryError")
    assert "Is a directory" not in json.dumps(server.get("/healthz")[1])
    path.rmdir()
    await asyncio.to_thread(own_storage.start)
    await asyncio.to_thread(server.until, lambda: not uploads()["waiting"])
    assert "file_removed " in server.log.read_text()
    stored = Stored(own_storage.connection_string, callers[0].call)
    (manifest,) = stored.manifests()
    assert len(manifest.segments) == 1
    assert not stored.segments()


async def test_blob_storage_is_away_and_comes_back(
    streamer: Start, own_storage: Azurite, call: str
) -> None:
    server = streamer(connection=own_storage.connection_string, SEGMENT_SECONDS="1")
    callers = callers_of(server, call, 20)
    async with calling(callers, 2):
        await asyncio.to_thread(own_storage.stop)
        await asyncio.sleep(AWAY_SECONDS)
        await failed_uploads(server, 3 * len(callers))
        health = server.get("/healthz")[1]
        assert health["uploads"]["error"]
        assert health["uploads"]["waiting"] > 0
        assert server.get("/healthz")[0] == 200, "liveness does not depend on storage"
        await asyncio.to_thread(own_storage.start)
    for caller in callers:
        await asyncio.to_thread(check, own_storage.connection_string, caller)
    assert server.metric("streamer_uploads_rejected_total") == 0


@pytest.mark.parametrize("mode", ["503", "silent"])
async def test_blob_storage_answers_503_or_not_at_all(
    streamer: Start, azurite: Azurite, call: str, mode: Literal["503", "silent"]
) -> None:
    async with BadBlob(azurite) as blob:
        connection = blob.connection_string(azurite)
        server = await asyncio.to_thread(
            lambda: streamer(connection=connection, SEGMENT_SECONDS="1", UPLOAD_TIMEOUT_SECONDS="1")
        )
        callers = callers_of(server, call, 20)
        async with calling(callers, 2):
            blob.mode = mode
            # Of those that get no answer, the pool's four fail at once, after their timeout.
            await failed_uploads(server, 3 * len(callers) if mode == "503" else 4)
            health = (await asyncio.to_thread(server.get, "/healthz"))[1]
            assert blob.refused
            assert health["uploads"]["error"]
            blob.mode = "well"
        for caller in callers:
            await asyncio.to_thread(check, azurite.connection_string, caller)


@pytest.mark.parametrize("kind", ["quota", "tmpfs"])
async def test_a_full_disk(
    streamer: Start, own_storage: Azurite, tmp_path: Path, call: str, kind: str
) -> None:
    """New streams are refused before audio is dropped. While there is room, none is dropped."""
    settings = {"SEGMENT_SECONDS": "2", "SPOOL_REFUSE_PERCENT": "60"}
    with contextlib.ExitStack() as stack:
        if kind == "tmpfs":
            _mount_tmpfs(stack, tmp_path / "full", "size=1536k")
        else:
            settings["SPOOL_MAX_BYTES"] = str(1536 * 1024)
        server = await asyncio.to_thread(
            lambda: streamer(spool="full", connection=own_storage.connection_string, **settings)
        )
        await asyncio.to_thread(own_storage.stop)
        callers = callers_of(server, call, 8)
        async with calling(callers, 1):
            await asyncio.to_thread(
                server.until, lambda: server.get("/readyz")[1]["status"] == "spool_full"
            )
            assert server.get("/readyz")[0] == 503
            with pytest.raises(InvalidStatus) as refused:
                async with open_websocket(server, Caller(server, call).headers()):
                    pass
            assert refused.value.response.status_code == 503
            # Go on until the disk is full and audio waits in memory.
            await asyncio.to_thread(
                server.until, lambda: server.get("/healthz")[1]["spool"]["error"], 60
            )
            await asyncio.to_thread(own_storage.start)
            # Room is made while they still call.
            await asyncio.to_thread(
                server.until, lambda: server.get("/healthz")[1]["spool"]["full_percent"] < 60, 120
            )
        for caller in callers:
            await asyncio.to_thread(check, own_storage.connection_string, caller)
        server.until(lambda: server.get("/readyz")[0] == 200)
        assert server.terminate() == 0


async def test_a_spool_smaller_than_its_segments(streamer: Start, storage: str, call: str) -> None:
    """Two half segments used to fill it: nothing was stored, and nothing told as lost."""
    server = streamer(SPOOL_MAX_BYTES=str(1024 * 1024), SPOOL_REFUSE_PERCENT="100")
    callers = callers_of(server, call, 3)
    async with calling(callers, 24):
        pass
    for caller in callers:
        await asyncio.to_thread(check, storage, caller)
    server.until(lambda: server.get("/healthz")[1]["spool"]["bytes"] == 0)


async def test_a_tmpfs_smaller_than_its_segments_with_storage_away_and_back(
    streamer: Start, own_storage: Azurite, tmp_path: Path, call: str
) -> None:
    with contextlib.ExitStack() as stack:
        _mount_tmpfs(stack, tmp_path / "full", "size=3m")
        server = await asyncio.to_thread(
            lambda: streamer(spool="full", connection=own_storage.connection_string)
        )
        callers = callers_of(server, call, 8)
        async with calling(callers, 1):
            await asyncio.to_thread(own_storage.stop)
            # Go on until the disk is full, and audio has waited in memory for a while.
            await asyncio.to_thread(
                server.until, lambda: server.get("/healthz")[1]["spool"]["error"], 60
            )
            await asyncio.sleep(4)
            await asyncio.to_thread(own_storage.start)
            await asyncio.sleep(2)
        for caller in callers:
            await asyncio.to_thread(check, own_storage.connection_string, caller)
        assert server.terminate() == 0


async def test_a_disk_full_at_a_streams_end(
    streamer: Start, azurite: Azurite, tmp_path: Path, call: str
) -> None:
    """Ending the stream is tried again until there is room."""
    with contextlib.ExitStack() as stack:
        _mount_tmpfs(stack, tmp_path / "full", "size=3m")
        server = await asyncio.to_thread(lambda: streamer(spool="full"))
        (caller,) = callers_of(server, call, 1)
        async with calling([caller], 3.5):
            filler = _fill_up(tmp_path / "full")
        await failed_writes(server, 2)
        health = (await asyncio.to_thread(server.get, "/healthz"))[1]
        assert health["streams"] == 1
        assert health["spool"]["error"]
        filler.unlink()
        await asyncio.to_thread(check, azurite.connection_string, caller)
        server.until(lambda: not server.get("/healthz")[1]["streams"])
        assert server.terminate() == 0


async def test_a_disk_full_over_a_restart(
    streamer: Start, azurite: Azurite, tmp_path: Path, call: str
) -> None:
    """A drain that had no room to finish fails. The next start does not quarantine the stream, but
    waits for room and finishes it."""
    with contextlib.ExitStack() as stack:
        _mount_tmpfs(stack, tmp_path / "full", "size=3m")
        settings = {"spool": "full", "DRAIN_GRACE_SECONDS": "0", "DRAIN_UPLOAD_SECONDS": "1"}
        server = await asyncio.to_thread(lambda: streamer(**settings))
        (caller,) = callers_of(server, call, 1)
        async with calling([caller], 3.5):
            (written,) = await flushed(server, [caller])
            filler = _fill_up(tmp_path / "full")
            assert await asyncio.to_thread(server.terminate) == 1
        server = await asyncio.to_thread(lambda: streamer(**settings))
        assert server.get("/healthz")[1]["spool"]["error"]
        await failed_writes(server, 1)
        assert list((server.spool / "streams").iterdir())
        assert not (server.spool / "rejected").exists()
        filler.unlink()
        stored = Stored(azurite.connection_string, caller.call)
        await asyncio.to_thread(stored.manifests)
        audio_bytes = stored.track()
        assert b"".join(map(pcm, range(caller.sent))).startswith(audio_bytes)
        assert len(audio_bytes) >= 2 * FRAME * written
        assert server.terminate() == 0


async def test_a_disk_without_inodes(
    streamer: Start, azurite: Azurite, tmp_path: Path, call: str
) -> None:
    """Such a disk does not look full. A stream that cannot begin is closed and leaves nothing."""
    with contextlib.ExitStack() as stack:
        # Enough for the spool itself and a stream's folder, but not for a file in it.
        _mount_tmpfs(stack, tmp_path / "full", "size=3m,nr_inodes=8")
        server = await asyncio.to_thread(lambda: streamer(spool="full"))
        for number in range(3):
            headers = Caller(server, f"{call}-{number}").headers()
            async with open_websocket(server, headers) as socket:
                assert (await wait_for_close(socket))[0] == 1013
        assert server.metric("streamer_spool_errors_total") == 3
        assert server.metric("streamer_streams") == 0
        assert "stream_open_failed " in server.log.read_text()
        assert "Traceback" not in server.log.read_text()
        assert not list((server.spool / "streams").iterdir())
        remount = ["mount", "-o", "remount,nr_inodes=100", str(server.spool)]
        await asyncio.to_thread(subprocess.run, remount, check=True)
        (caller,) = callers_of(server, call, 1)
        async with calling([caller], 1):
            pass
        await asyncio.to_thread(check, azurite.connection_string, caller)
        assert server.terminate() == 0


async def test_a_spool_emptied_by_hand(streamer: Start, call: str, stored: Stored) -> None:
    """Removed audio is lost, the manifest lists it, and the rest is uploaded without waiting."""
    server = streamer(SEGMENT_SECONDS="1")
    headers = Caller(server, call).headers()
    async with open_websocket(server, headers) as socket:
        await socket.send(metadata())
        for index in range(75):
            await socket.send(audio(index))
        # When frames of the second one are on disk, the first one is sealed.
        second = "*~20260301T120001*.part"
        await asyncio.to_thread(server.until, lambda: any(server.spool.rglob(second)))
        (part,) = server.spool.rglob(second)
        part.unlink()
        for index in range(75, 130):
            await socket.send(audio(index))
    (manifest,) = await asyncio.to_thread(stored.manifests)
    assert [e.samples for e in manifest.segments] == [16_000, 16_000, 9_600]
    blobs = stored.segments()
    uploaded = [e.name(call, manifest.stream_id).blob in blobs for e in manifest.segments]
    assert uploaded == [True, False, True]
    assert "file_removed " in server.log.read_text()
    assert server.metric("streamer_spool_errors_total") == 1
    server.until(lambda: not server.get("/healthz")[1]["streams"])


def _fill_up(folder: Path) -> Path:
    """Fill the disk, and return the file whose removal makes room again."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def _mount_tmpfs(stack: contextlib.ExitStack, path: Path, limit: str) -> None:
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", limit, "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("not allowed to mount a tmpfs; the quota's test covers the same")
    # Lazily: the streamer may use it until it is stopped, after this.
    stack.callback(subprocess.run, ["umount", "-l", str(path)], check=True)


async def test_sigterm_under_fifty_streams(streamer: Start, storage: str, call: str) -> None:
    server = streamer(SEGMENT_SECONDS="2", DRAIN_GRACE_SECONDS="1")
    callers = callers_of(server, call)
    async with calling(callers, 3):
        assert await asyncio.to_thread(server.terminate) == 0
    for caller in callers:
        assert caller.closed is not None
        assert caller.closed[0] == 1001
        # Everything sent before the peer read the close; its last frame may have crossed it.
        check(storage, caller, caller.sent - 1)


async def test_a_second_sigterm_hastens_the_drain(streamer: Start, storage: str, call: str) -> None:
    server = streamer(DRAIN_GRACE_SECONDS="300")
    (caller,) = callers_of(server, call, 1)
    async with calling([caller], 1):
        assert server.process is not None
        server.process.terminate()
        await asyncio.to_thread(
            server.until, lambda: server.get("/readyz")[1]["status"] == "draining"
        )
        sent = caller.sent
        assert await asyncio.to_thread(server.terminate) == 0
    check(storage, caller, sent)


async def test_peers_that_vanish_without_a_close(streamer: Start, storage: str, call: str) -> None:
    server = streamer(SEGMENT_SECONDS="2", PING_INTERVAL_SECONDS="5")
    callers = callers_of(server, call, 20)
    async with calling(callers, 3) as stop:
        stop.set()
        for caller in callers:
            assert caller.socket is not None
            # A reset, as of a host that crashed: no close frame, no end of file.
            linger = caller.socket.transport.get_extra_info("socket")
            linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            caller.socket.transport.abort()
    for caller in callers:
        check(storage, caller, caller.sent - 2)


async def test_a_client_that_sends_a_byte_a_second(
    streamer: Start, storage: str, call: str
) -> None:
    """Its stream is closed at last, and the others are not affected."""
    server = streamer(IDLE_TIMEOUT_SECONDS="2", FLUSH_SECONDS="0.5")
    slow, fast = Caller(server, f"{call}-slow"), Caller(server, f"{call}-fast")
    async with calling([fast], 1):
        async with open_websocket(server, slow.headers()) as websocket:
            await websocket.send(metadata())
            await websocket.send(audio(0))
            slow.sent += 1
            frame = Frame(Opcode.TEXT, audio(1).encode()).serialize(mask=True)
            with pytest.raises(ConnectionClosed) as closed:
                await _trickle(websocket, frame[:100])
        assert closed.value.rcvd is not None
        assert "IDLE_TIMEOUT_SECONDS" in closed.value.rcvd.reason
    check(storage, slow, 1)
    check(storage, fast)


async def _trickle(websocket: ClientConnection, content: bytes) -> None:
    """Send a byte a second until the WebSocket is closed, and raise ConnectionClosed then."""
    for byte in content:
        with contextlib.suppress(RuntimeError):  # the server closes it just now: recv says so
            websocket.transport.write(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(websocket.recv(), 1)
