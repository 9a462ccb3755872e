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
from aiohttp import web
from aiohttp.test_utils import TestServer

from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.local.emulator.conftest import KEY

SCRIPTS = Path(__file__).parents[1] / "javascript"
SECONDS = 6
RATES = {"pcm16KMono": 16_000, "pcm24KMono": 24_000}
NAMES = {None: "mixed", "4:+15551230000": "+15551230000", "4:+15559990000": "+15559990000"}


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[EmulatorServer]:
    emulator = EmulatorServer(EmulatorSettings(KEY, "resource", port=0, speed=4.0))
    await emulator.start()
    yield emulator
    await emulator.stop()


async def run(script: str, emulator: EmulatorServer, *arguments: str) -> tuple[int, str, str]:
    """Run a program; return its exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPTS / script),
        f"endpoint={emulator.endpoint}/;accesskey={KEY}",
        *arguments,
        str(SECONDS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), 120)
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
    code, output, errors = await run("call.js", emulator, channels, audio_format)
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
    code, _, errors = await run("call.js", emulator, channels, audio_format)
    assert code == 1
    assert "statusCode: 400" in errors
    assert member in errors


TEAMS_USER = "8:orgid:45ab2481-1c1c-4005-be24-0ffb879b1130"
"""Its track has the Teams user's id without the prefix: so the client's parser names it."""


@pytest_asyncio.fixture
async def ringing() -> AsyncIterator[tuple[EmulatorServer, str]]:
    """An emulator, and the context of a call that rings in it."""
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        (event,) = await request.json()
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            return web.json_response({"validationResponse": event["data"]["validationCode"]})
        await events.put(event)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    async with TestServer(app) as webhook:
        settings = EmulatorSettings(
            KEY, "resource", port=0, speed=4.0, incoming_webhook=str(webhook.make_url("/"))
        )
        emulator = EmulatorServer(settings)
        await emulator.start()
        async with aiohttp.ClientSession(emulator.endpoint) as session:
            body = {"from": TEAMS_USER, "to": "+15551230000", "display_name": "Zoë"}
            await session.post("/emulator/incoming", json=body)
        event = await events.get()
        yield emulator, event["data"]["incomingCallContext"]
        await emulator.stop()


async def test_it_answers_a_call_and_leaves_it(ringing: tuple[EmulatorServer, str]) -> None:
    emulator, context = ringing
    code, output, errors = await run("answer.js", emulator, context)
    assert code == 0, errors
    result = json.loads(output)
    assert sorted(result["events"]) == [
        "CallConnected",
        "CallDisconnected",
        "MediaStreamingStarted",
        "MediaStreamingStopped",
        "ParticipantsUpdated",
    ]
    assert result["events"][-1] == "CallDisconnected"
    assert emulator.requests["DELETE callConnections"] == 1, "not the end for everyone"
    user = TEAMS_USER.removeprefix("8:orgid:")
    assert result["participants"] == [user, "+15551230000"]
    assert (result["state"], result["operationContext"]) == ("connected", "javascript")
    assert (result["closeCode"], result["kinds"]["AudioMetadata"]) == (1000, 1)
    (sent,) = await fetch_sent(emulator, result["call"])
    names = {TEAMS_USER: user, "4:+15551230000": "+15551230000"}
    assert {name: track["sha256"] for name, track in result["tracks"].items()} == {
        names[track["participant"]]: track["sha256"] for track in sent["tracks"]
    }
    assert len(result["tracks"]) == 2
    again, _, errors = await run("answer.js", emulator, context)
    assert again == 1
    assert "statusCode: 409" in errors
