"""A real streamer process, and a client that speaks to it as ACS does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from acs import media
from contract import names, wav
from contract.manifest import Manifest, decode_manifest
from streamer.part_header import split_part_name
from streamer.spool import Spool

ORIGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FRAME = 320


def pcm(index: int, samples: int = FRAME) -> bytes:
    """Return a frame of audio that is unique to its index."""
    return (index + 1).to_bytes(4, "little") * (samples // 2)


def metadata(sample_rate: int = 16_000) -> str:
    return media.encode(
        media.Packet(
            media.AUDIO_METADATA,
            audio_metadata=media.AudioMetadata(
                sample_rate, "subscription", "PCM", 1, sample_rate // 25
            ),
        )
    ).decode()


def audio(
    index: int,
    *,
    raw_id: str | None = None,
    data: bytes | None = None,
    silent: bool = False,
    origin: datetime = ORIGIN,
) -> str:
    stamp = media.from_microseconds(media.to_microseconds(origin) + index * 20_000)
    frame = pcm(index) if data is None else data
    return media.encode(
        media.Packet(media.AUDIO_DATA, media.AudioData(stamp, raw_id, frame, silent))
    ).decode()


class StreamerProcess:
    """``python -m streamer`` on a free port."""

    def __init__(self, storage: str, spool: Path, settings: dict[str, str]) -> None:
        self.storage = storage
        self.spool = spool
        self.settings = settings
        self.log = spool.with_suffix(".log")
        self.process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> StreamerProcess:
        environment = os.environ | {
            "AUDIO_STORAGE_CONNECTION_STRING": self.storage,
            "SPOOL_DIR": str(self.spool),
            "PORT": "0",
            "TOKEN_CHECK": "off",
            "GRANT_CHECK": "off",
            # Tests send faster than real time, so arrival says nothing.
            "MEDIA_SPEED": "0",
            **self.settings,
        }
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamer"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("streamer ready"), self.log.read_text()
        self.port = int(line.rsplit(":", 1)[1])
        return self

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/media/token"

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=60
            ) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        with contextlib.suppress(json.JSONDecodeError):
            return status, json.loads(body)
        return status, body.decode()

    def metric(self, name: str) -> float:
        _, text = self.get("/metrics")
        for line in text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return 0.0

    def flushed_until(self, folder: Path) -> float:
        """Return the end of the latest open segment on disk, in seconds since 1970."""
        ends = [0.0]
        for part in folder.rglob("*.part"):
            # A segment that is sealed meanwhile is moved away.
            with contextlib.suppress(FileNotFoundError):
                content = part.read_bytes()
                samples = (len(content) - wav.HEADER_BYTES) / media.BYTES_PER_SAMPLE
                rate = wav.rate_of(content[: wav.HEADER_BYTES])
                start = names.parse_start(split_part_name(part.name)[1])
                ends.append(start.timestamp() + samples / rate)
        return max(ends)

    @property
    def resident_kib(self) -> int:
        """The process's resident memory."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def until(self, condition: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until a condition is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, (
                f"the condition did not become true; the log:\n{self.log.read_text()}"
            )
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout: float = 120) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def end(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.kill()
            if self.process.stdout is not None:
                self.process.stdout.close()


@pytest.fixture
def streamer(storage: str, tmp_path: Path) -> Iterator[Callable[..., StreamerProcess]]:
    """Start streamers: ``streamer(SEGMENT_SECONDS="1")``. Each has its own spool by default."""
    started: list[StreamerProcess] = []

    def start(*, spool: str = "", connection: str = storage, **settings: str) -> StreamerProcess:
        path = tmp_path / (spool or f"spool{len(started)}")
        process = StreamerProcess(connection, path, settings)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.end()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool of 10 MiB."""
    return Spool(tmp_path / "spool", 10 * 1024 * 1024)


@pytest.fixture
def call() -> str:
    """A call connection id that no other test has."""
    return str(uuid.uuid4())


@pytest.fixture
def headers(call: str) -> dict[str, str]:
    return {"x-ms-call-connection-id": call, "x-ms-call-correlation-id": "correlation"}


def open_websocket(server: StreamerProcess, headers: dict[str, str]) -> connect:
    """Open a WebSocket as ACS does: without compression, and without pings of its own."""
    return connect(
        server.url,
        additional_headers=headers,
        compression=None,
        open_timeout=60,
        ping_interval=None,
    )


async def wait_for_close(socket: ClientConnection) -> tuple[int, str]:
    """Wait for the server to close a WebSocket, and return its code and reason."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), 60)
    received = closed.value.rcvd
    assert received is not None
    return received.code, received.reason


class Stored:
    """The content of Blob Storage for a call."""

    def __init__(self, storage: str, call: str) -> None:
        self.service = BlobServiceClient.from_connection_string(storage, retry_total=2)
        self.call = call

    def manifests(self, count: int = 1, timeout: float = 60) -> list[Manifest]:
        """Wait for this many manifests of the call, and return them."""
        deadline = time.monotonic() + timeout
        container = self.service.get_container_client(names.MANIFESTS)
        while True:
            with contextlib.suppress(Exception):
                blobs = [b.name for b in container.list_blobs(name_starts_with=self.call + "/")]
                if len(blobs) >= count:
                    return [
                        decode_manifest(container.download_blob(name).readall()) for name in blobs
                    ]
            assert time.monotonic() < deadline, f"no {count} manifests of {self.call}"
            time.sleep(0.05)

    def segments(self) -> dict[str, bytes]:
        """Return every segment's samples by blob name."""
        container = self.service.get_container_client(names.SEGMENTS)
        return {
            blob.name: wav.samples(container.download_blob(blob.name).readall())
            for blob in container.list_blobs(name_starts_with=self.call + "/")
        }

    def track(self, track: str = names.MIXED_TRACK) -> bytes:
        """Return a track's samples. Its segments, sorted by time, must meet."""
        manifests = self.manifests()
        segments = self.segments()
        out = bytearray()
        end: int | None = None
        rate = 0
        for manifest in sorted(manifests, key=lambda m: m.stream_id):
            rate = manifest.sample_rate
            for entry in manifest.segments:
                if entry.track != track:
                    continue
                blob = entry.name(self.call, manifest.stream_id).blob
                samples = segments[blob]
                assert len(samples) == entry.samples * 2
                start = round(media.to_microseconds(entry.start) * rate / 1_000_000)
                assert end is None or abs(start - end) <= 1
                out += samples
                end = start + entry.samples
        return bytes(out)


@pytest.fixture
def stored(storage: str, call: str) -> Stored:
    return Stored(storage, call)
