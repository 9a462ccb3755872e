"""The receivers that the streamer is compared with, as programs: they count what they receive."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from benchmarks.load import METADATA, encode_audio
from local.ports import free_ports

ROOT = Path(__file__).parents[2]
AUDIO = encode_audio(1_700_000_000.0, base64.b64encode(bytes(640)).decode()).decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("microsoft_sample", 3),
        # They do not decode: AudioMetadata is a frame, too.
        ("counting_only", 4),
        ("counting_batched", 4),
    ],
)
def test_a_receiver_counts_frames_until_it_is_stopped(name: str, expected: int) -> None:
    (port,) = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receivers", name, str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            with connect(f"ws://127.0.0.1:{port}/media/load", compression=None) as socket:
                socket.send(METADATA.decode())
                for _ in range(3):
                    socket.send(AUDIO)
                # Its pong shows that all messages before it were received.
                assert socket.ping().wait(60)
            process.terminate()
            assert json.loads(process.stdout.readline()) == {"frames": expected}
            assert process.wait(60) == 0
        finally:
            process.kill()
