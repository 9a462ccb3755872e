"""Starts a receiver on its core, and counts the frames that it received."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from azure.storage.blob import BlobServiceClient

from benchmarks import process_stats
from contract import names
from contract.manifest import Counts
from local.azurite import Azurite
from local.ports import free_ports

SERVER_CORE, LOAD_CORE = 0, 1
ROOT = Path(__file__).parents[1]
FRAME_SAMPLES = 320

# Not the system's temporary folder, which may be memory or a full partition.
_WORK_FOLDER = ROOT / ".local"
_DONE_SECONDS = 120.0


class _Segment(msgspec.Struct):
    """What is needed of a segment's entry in a manifest of any schema."""

    track: str
    start: datetime
    samples: int
    bytes: int


class _Manifest(msgspec.Struct):
    """What is needed of a manifest of any schema: another checkout may write another one."""

    call_connection_id: str
    stream_id: str
    segments: list[_Segment]
    counts: Counts


class Receiver:
    """A running receiver; ``finish`` sets ``cpu_seconds`` and ``peak_kib``."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.cpu_seconds = 0.0
        self.peak_kib = 0

    def finish(self) -> int:
        """Stop the receiver; return how many frames it received."""
        self._read_stats()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        return int(json.loads(self.process.stdout.readline())["frames"])

    def _read_stats(self) -> None:
        self.cpu_seconds = process_stats.cpu_seconds(self.process.pid)
        self.peak_kib = process_stats.peak_resident_kib(self.process.pid)


class Streamer(Receiver):
    """A running streamer. Its frames are counted in Blob Storage."""

    def __init__(
        self, process: subprocess.Popen[str], port: int, streams: int, connection_string: str
    ) -> None:
        super().__init__(process, port)
        self._streams = streams
        self._service = BlobServiceClient.from_connection_string(connection_string)

    def finish(self) -> int:
        """Wait for the last upload; return how many frames Blob Storage has.

        Raises RuntimeError where uploads do not end, or segments and manifests disagree.
        """
        deadline = time.monotonic() + _DONE_SECONDS
        while not self._is_done():
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"the streamer still uploads after {_DONE_SECONDS:.0f} s; see its log above"
                )
            time.sleep(0.2)
        self._read_stats()
        return count_frames(self._service, self._streams)

    def _is_done(self) -> bool:
        url = f"http://127.0.0.1:{self.port}/healthz"
        with urllib.request.urlopen(url, timeout=10) as response:
            health = json.load(response)
        return not health["streams"] and not health["uploads"]["waiting"]


@contextlib.contextmanager
def start_counting_receiver(name: str) -> Iterator[Receiver]:
    """Run one of ``benchmarks.receivers``."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.receivers", name, str(port)]
    with _run_on_server_core(command, ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield Receiver(process, port)


@contextlib.contextmanager
def start_streamer(streams: int, checkout: Path) -> Iterator[Receiver]:
    """Run the streamer of a checkout, with everything on but the checks of handshakes."""
    _WORK_FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_WORK_FOLDER) as folder, Azurite() as azurite:
        assert azurite.pid is not None
        # Azurite shares the load's core, and must not delay the load.
        process_stats.pin_threads(azurite.pid, LOAD_CORE)
        process_stats.lower_priority(azurite.pid)
        environment = os.environ | {
            "AUDIO_STORAGE_CONNECTION_STRING": azurite.connection_string,
            "SPOOL_DIR": str(Path(folder) / "spool"),
            "PORT": "0",
            "MAX_STREAMS": str(streams),
            "TOKEN_CHECK": "off",
            "GRANT_CHECK": "off",
            "LOG_LEVEL": "error",
        }
        # It must import its own checkout's modules.
        environment.pop("PYTHONPATH", None)
        command = [sys.executable, "-m", "streamer"]
        with _run_on_server_core(command, checkout, environment) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the streamer in {checkout} did not start; see its log above")
            port = int(line.rsplit(":", 1)[1])
            yield Streamer(process, port, streams, azurite.connection_string)


def count_frames(service: BlobServiceClient, streams: int) -> int:
    """Count the frames in Blob Storage, by manifests and by bytes. Raises RuntimeError."""
    container = service.get_container_client(names.MANIFESTS)
    manifests = [
        msgspec.json.decode(container.download_blob(blob.name).readall(), type=_Manifest)
        for blob in container.list_blobs()
    ]
    if len(manifests) != streams:
        raise RuntimeError(f"{streams} streams have {len(manifests)} manifests")
    sizes = {
        blob.name: blob.size for blob in service.get_container_client(names.SEGMENTS).list_blobs()
    }
    samples = sum(_count_samples(manifest, sizes) for manifest in manifests)
    if sizes:
        raise RuntimeError(f"{len(sizes)} segments are in no manifest")
    if samples % FRAME_SAMPLES:
        raise RuntimeError("the segments do not contain whole frames")
    return samples // FRAME_SAMPLES


def _count_samples(manifest: _Manifest, sizes: dict[str, int]) -> int:
    """Count a manifest's samples; take its segments out of ``sizes``."""
    for entry in manifest.segments:
        call, stream = manifest.call_connection_id, manifest.stream_id
        name = names.SegmentName(call, stream, entry.track, entry.start).blob
        if sizes.pop(name, 0) != entry.bytes:
            raise RuntimeError(f"segment {name} has another size than its manifest says")
    samples = sum(entry.samples for entry in manifest.segments)
    if manifest.counts.frames * FRAME_SAMPLES != samples:
        raise RuntimeError(f"silence was inserted: {manifest.counts}")
    return samples


@contextlib.contextmanager
def _run_on_server_core(
    command: list[str], cwd: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
