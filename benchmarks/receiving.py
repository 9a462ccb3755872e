"""What receiving costs: a receiver on one core, the load on the other, and both counted.

CPU is that of the receiver's whole process, all its threads, from the first frame until it has done
everything (for the streamer: until Blob Storage has the last segment), from ``/proc/PID/stat``.
Memory is the process's highest resident size above what it held before the first stream came.
"""

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
from pathlib import Path
from typing import IO, Any, NamedTuple

from azure.storage.blob import BlobServiceClient

from contract import names
from contract.manifest import decode_manifest
from local.azurite import Azurite
from local.ports import free_ports

SERVER_CORE, LOAD_CORE = 0, 1
FRAME_SAMPLES = 320
# Not the system's own: that may be memory, or a crowded part of the disk.
_WORK = Path(__file__).parents[1] / ".local"
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
_DONE_SECONDS = 120.0


class Receiving(NamedTuple):
    """One run: a receiver under so many paced streams of 50 frames a second."""

    receiver: str
    streams: int
    sent: int
    lost: int
    cpu_us_per_frame: float
    cpu_share: float
    kib_per_stream: float
    lateness_p50_ms: float
    lateness_p99_ms: float
    load_behind_ms: float


def measure(receiver: str, streams: int, seconds: float) -> Receiving:
    """Run ``samples``, ``floor`` or ``ours`` under the load. Raises RuntimeError, OSError."""
    with _ours(streams) if receiver == "ours" else _counting(receiver) as (process, port, count):
        load = subprocess.Popen(
            [
                *("taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "benchmarks.load"),
                *(str(port), str(streams), str(seconds)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert load.stdin is not None and load.stdout is not None
        try:
            held = _status_kib(process.pid, "VmRSS")
            _line(load.stdout)
            began, cpu = time.perf_counter(), _cpu_seconds(process.pid)
            print("go", file=load.stdin, flush=True)
            _line(load.stdout)
            share = (_cpu_seconds(process.pid) - cpu) / (time.perf_counter() - began)
            print("close", file=load.stdin, flush=True)
            told = _line(load.stdout)
        finally:
            load.kill()
            load.wait()
        received = count()
        if receiver == "floor":
            # It knows no kinds, so that it counted each stream's AudioMetadata too.
            received -= streams
        used = count.cpu_seconds - cpu
    return Receiving(
        receiver=receiver,
        streams=streams,
        sent=told["sent"],
        lost=told["sent"] - received,
        cpu_us_per_frame=used / told["sent"] * 1e6,
        cpu_share=share,
        kib_per_stream=(count.peak_kib - held) / streams,
        lateness_p50_ms=told["lateness_ms"]["p50"],
        lateness_p99_ms=told["lateness_ms"]["p99"],
        load_behind_ms=told["behind_ms"],
    )


class _Count:
    """Ends a receiver and says how many frames it got; keeps what the process had used by then."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.cpu_seconds = 0.0
        self.peak_kib = 0

    def __call__(self) -> int:
        self._measure()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        return int(json.loads(self.process.stdout.readline())["frames"])

    def _measure(self) -> None:
        self.cpu_seconds = _cpu_seconds(self.process.pid)
        self.peak_kib = _status_kib(self.process.pid, "VmHWM")


class _CountInBlob(_Count):
    """The streamer's: what Blob Storage has at the end, by the manifests and by the bytes."""

    def __init__(
        self, process: subprocess.Popen[str], port: int, streams: int, connection: str
    ) -> None:
        super().__init__(process)
        self._health = f"http://127.0.0.1:{port}/healthz"
        self._streams = streams
        self._service = BlobServiceClient.from_connection_string(connection)

    def __call__(self) -> int:
        deadline = time.monotonic() + _DONE_SECONDS
        while not self._is_done():
            if time.monotonic() > deadline:
                raise RuntimeError("the streamer did not finish; see its log above")
            time.sleep(0.2)
        self._measure()
        return self._frames()

    def _is_done(self) -> bool:
        with urllib.request.urlopen(self._health, timeout=10) as answer:
            health = json.load(answer)
        return not health["streams"] and not health["uploads"]["waiting"]

    def _frames(self) -> int:
        manifests = self._service.get_container_client(names.MANIFESTS)
        found = [
            decode_manifest(manifests.download_blob(blob.name).readall())
            for blob in manifests.list_blobs()
        ]
        if len(found) != self._streams:
            raise RuntimeError(f"{len(found)} manifests of {self._streams} streams")
        sizes = {
            blob.name: blob.size
            for blob in self._service.get_container_client(names.SEGMENTS).list_blobs()
        }
        samples = 0
        for manifest in found:
            for entry in manifest.segments:
                name = entry.name(manifest.call_connection_id, manifest.stream_id).blob
                if sizes.pop(name, 0) != entry.bytes:
                    raise RuntimeError(f"{name} is not as its manifest says")
                samples += entry.samples
            if manifest.counts.frames * FRAME_SAMPLES != sum(e.samples for e in manifest.segments):
                raise RuntimeError(f"audio was made up: {manifest.counts}")
        if sizes:
            raise RuntimeError(f"{len(sizes)} segments are in no manifest")
        if samples % FRAME_SAMPLES:
            raise RuntimeError("a segment holds no whole frames")
        return samples // FRAME_SAMPLES


@contextlib.contextmanager
def _counting(receiver: str) -> Iterator[tuple[subprocess.Popen[str], int, _Count]]:
    (port,) = free_ports(1)
    with _started([sys.executable, "-m", "benchmarks.receivers", receiver, str(port)]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process, port, _Count(process)


@contextlib.contextmanager
def _ours(streams: int) -> Iterator[tuple[subprocess.Popen[str], int, _Count]]:
    """The streamer as it is deployed, but for the handshake's checks, which are not per frame."""
    _WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_WORK) as spool, Azurite() as azurite:
        assert azurite.pid is not None
        _pin_threads(azurite.pid, LOAD_CORE)
        # It shares the load's core, and must not make the load late.
        for thread in Path(f"/proc/{azurite.pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), 19)
        environment = os.environ | {
            "AUDIO_STORAGE_CONNECTION_STRING": azurite.connection_string,
            "SPOOL_DIR": str(Path(spool) / "spool"),
            "PORT": "0",
            "MAX_STREAMS": str(streams),
            "TOKEN_CHECK": "off",
            "GRANT_CHECK": "off",
            "LOG_LEVEL": "error",
        }
        with _started([sys.executable, "-m", "streamer"], environment) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            yield process, port, _CountInBlob(process, port, streams, azurite.connection_string)


@contextlib.contextmanager
def _started(
    command: list[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), *command],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _line(stream: IO[str]) -> Any:
    line = stream.readline()
    if not line:
        raise RuntimeError("the load ended early; see its error above")
    return json.loads(line)


def _pin_threads(pid: int, core: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS


def _status_kib(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"no {key} in /proc/{pid}/status: the benchmark needs Linux")
