"""Microsoft's JavaScript client, in a real Node.js process, against a real emulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.local.emulator.conftest import KEY

SCRIPT = Path(__file__).parents[1] / "javascript" / "call.js"
SECONDS = 6
RATES = {"pcm16KMono": 16_000, "pcm24KMono": 24_000}
NAMES = {None: "mixed", "4:+15551230000": "+15551230000", "4:+15559990000": "+15559990000"}


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[EmulatorServer]:
    emulator = EmulatorServer(EmulatorSettings(KEY, "resource", port=0, speed=4.0))
    await emulator.start()
    yield emulator
    await emulator.stop()


async def call(emulator: EmulatorServer, channels: str, audio_format: str) -> tuple[int, str, str]:
    """Run the program; return its exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        f"endpoint={emulator.endpoint}/;accesskey={KEY}",
        channels,
        audio_format,
        str(SECONDS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def fetch_sent(emulator: EmulatorServer, call_id: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(emulator.endpoint) as session,
        session.get(f"/emulator/calls/{call_id}/sent") as response,
    ):
        sent: list[dict[str, Any]] = await response.json()
        return sent


@pytest.mark.parametrize("audio_format", RATES)
@pytest.mark.parametrize("channels", ["mixed", "unmixed"])
async def test_it_creates_starts_stops_and_hangs_up_and_parses_every_packet(
    emulator: EmulatorServer, channels: str, audio_format: str
) -> None:
    async with aiohttp.ClientSession(emulator.endpoint) as session:
        await session.post("/emulator/faults", json={"dtmf": ["1", "#"], "dtmf_timestamp": True})
    code, output, errors = await call(emulator, channels, audio_format)
    assert code == 0, errors
    result = json.loads(output)
    assert result["events"] == [
        "CallConnected",
        "ParticipantsUpdated",
        "MediaStreamingStarted",
        "MediaStreamingStopped",
        "CallDisconnected",
    ]
    assert (result["state"], result["target"]) == ("connected", "+15551230000")
    assert (result["operationContext"], result["closeCode"]) == ("start", 1000)
    assert result["metadata"]["sampleRate"] == RATES[audio_format]
    (sent,) = await fetch_sent(emulator, result["call"])
    assert (result["kinds"]["AudioMetadata"], result["kinds"]["DtmfData"]) == (1, 2)
    assert result["kinds"]["AudioData"] == sum(t["frames"] for t in result["tracks"].values())
    assert {name: track["sha256"] for name, track in result["tracks"].items()} == {
        NAMES[track["participant"]]: track["sha256"] for track in sent["tracks"]
    }
    assert all(track["frames"] >= SECONDS * 50 for track in result["tracks"].values())
    assert len(result["tracks"]) == (1 if channels == "mixed" else 2)


@pytest.mark.parametrize(
    ("channels", "audio_format", "member"),
    [("mixed", "pcm8KMono", "audioFormat"), ("stereo", "pcm16KMono", "audioChannelType")],
)
async def test_unknown_options_are_refused(
    emulator: EmulatorServer, channels: str, audio_format: str, member: str
) -> None:
    code, _, errors = await call(emulator, channels, audio_format)
    assert code == 1
    assert "statusCode: 400" in errors
    assert member in errors
