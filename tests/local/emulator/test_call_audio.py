"""What calls play: audio files for each participant, and hanging up at their end if asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
import soundfile
from aiohttp import web

from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.local.emulator.conftest import CALLS, KEY, Client
from tests.local.emulator.receiving import Received, receiver
from tests.local.waiting import until_async

CALLER, CALLEE = "4:+15559990000", "8:acs:a_b"
THIRD = "8:acs:emulator_participant_3"
SPEED = 10.0


class App:
    """An app that answers incoming calls, and keeps the callback events."""

    def __init__(self, received: Received) -> None:
        self.received = received
        self.client: Client
        self.events: list[dict[str, Any]] = []
        self.call = ""
        self.url = ""

    async def on_event_grid(self, request: web.Request) -> web.Response:
        (event,) = await request.json()
        if code := event["data"].get("validationCode"):
            return web.json_response({"validationResponse": code})
        status, call = await self.client.request(
            "POST",
            f"{CALLS}:answer",
            {
                "incomingCallContext": event["data"]["incomingCallContext"],
                "callbackUri": f"{self.url}/callbacks",
                "mediaStreamingOptions": {
                    "transportUrl": self.received.url,
                    "transportType": "websocket",
                    "contentType": "audio",
                    "audioChannelType": "unmixed",
                    "startMediaStreaming": True,
                },
            },
        )
        assert status == 200, call
        self.call = call["callConnectionId"]
        return web.Response()

    async def on_callback(self, request: web.Request) -> web.Response:
        self.events += await request.json()
        return web.Response()

    def of(self, name: str) -> list[dict[str, Any]]:
        """The events of a type."""
        return [event for event in self.events if event["type"].endswith(f".{name}")]

    async def until_disconnected(self) -> None:
        async def is_disconnected() -> bool:
            return bool(self.of("CallDisconnected"))

        await until_async(is_disconnected)

    async def simulate(self, **members: Any) -> tuple[int, Any]:
        body = {"from": CALLER.removeprefix("4:"), "to": CALLEE} | members
        return await self.client.request("POST", "/emulator/incoming", body)

    async def sent(self) -> list[dict[str, Any]]:
        """The tracks of the only stream."""
        _, streams = await self.client.request("GET", f"/emulator/calls/{self.call}/sent")
        (stream,) = streams
        tracks: list[dict[str, Any]] = stream["tracks"]
        return tracks


@pytest_asyncio.fixture
async def app() -> AsyncIterator[App]:
    async with receiver() as received:
        app = App(received)
        routes = web.Application()
        routes.router.add_post("/events", app.on_event_grid)
        routes.router.add_post("/callbacks", app.on_callback)
        runner = web.AppRunner(routes)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        app.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        emulator = EmulatorServer(
            EmulatorSettings(
                KEY,
                "resource",
                port=0,
                speed=SPEED,
                answer_seconds=0.0,
                incoming_webhook=f"{app.url}/events",
            )
        )
        await emulator.start()
        async with aiohttp.ClientSession(emulator.endpoint) as session:
            app.client = Client(emulator, session)
            yield app
        await emulator.stop()
        await runner.cleanup()


@pytest.fixture(params=[2])
def files(tmp_path: Path, request: pytest.FixtureRequest) -> list[str]:
    """Audio for three participants, in seconds: WAV and FLAC, mono and stereo, any rate."""
    paths = []
    for name, rate, channels in (("a.wav", 44_100, 2), ("b.flac", 8_000, 1), ("c.wav", 16_000, 1)):
        wave = 0.3 * np.sin(np.arange(request.param * rate) * 2 * np.pi * 300 / rate)
        soundfile.write(tmp_path / name, np.stack([wave] * channels, axis=1), rate)
        paths.append(str(tmp_path / name))
    return paths


# Two seconds, at SPEED, until the socket is open.
@pytest.mark.parametrize("files", [20], indirect=True)
async def test_an_incoming_call_plays_its_files_and_hangs_up_at_their_end(
    app: App, files: list[str]
) -> None:
    status, incoming = await app.simulate(audio=files, hang_up_at_end=True)
    assert status == 201, incoming
    await app.until_disconnected()
    (updated,) = app.of("ParticipantsUpdated")
    participants = [p["identifier"]["rawId"] for p in updated["data"]["participants"]]
    assert participants == [CALLER, CALLEE, THIRD]
    tracks = await app.sent()
    assert [track["participant"] for track in tracks] == participants
    # All audio was sent: 20 s less the ticks until the socket was open, then some silence.
    assert all(track["bytes"] / 32_000 > 1.0 for track in tracks)
    loud = [frame["participantRawID"] for frame in app.received.frames() if not frame["silent"]]
    assert set(loud) == set(participants)
    assert app.received.frames()[-1]["silent"], "nothing of the audio is missing"


@pytest.mark.parametrize("files", [20], indirect=True)
async def test_one_file_leaves_the_others_silent(app: App, files: list[str]) -> None:
    await app.simulate(audio=files[1:2], hang_up_at_end=True)
    await app.until_disconnected()
    loud = {frame["participantRawID"] for frame in app.received.frames() if not frame["silent"]}
    assert loud == {CALLER}
    assert {frame["participantRawID"] for frame in app.received.frames()} == {CALLER, CALLEE}


async def test_hanging_up_at_the_end_is_a_fault_too(app: App, files: list[str]) -> None:
    await app.simulate(audio=files)
    await app.received.until(lambda: len(app.received.messages) > 10)
    path = f"/emulator/calls/{app.call}/faults"
    assert (await app.client.request("POST", path, {"hang_up_at_end": True}))[0] == 200
    await app.until_disconnected()


async def test_otherwise_silence_follows(app: App, files: list[str]) -> None:
    await app.simulate(audio=files)
    await app.received.until(lambda: len(app.received.frames()) > 3 * 500)
    assert not app.of("CallDisconnected"), "10 s after the call was answered"


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (["missing.wav"], "audio file missing.wav cannot be read: No such file"),
        ([__file__], "is not an audio file"),
        ([], "length >= 1"),
        ("a.wav", "Expected `array | null`"),
    ],
)
async def test_audio_that_cannot_be_played_is_refused(app: App, audio: Any, message: str) -> None:
    status, answer = await app.simulate(audio=audio)
    assert (status, answer["error"]["code"]) == (400, "8523")
    assert message in answer["error"]["message"]


async def test_who_calls_may_be_described_in_full(app: App) -> None:
    number = {"value": "+15559990000", "isAnonymous": False, "assertedId": "x"}
    body = {
        "targets": [{"rawId": CALLEE, "kind": "communicationUser"}],
        "callbackUri": f"{app.url}/callbacks",
        "sourceCallerIdNumber": {"kind": "phoneNumber", **number},
    }
    assert (await app.client.request("POST", CALLS, body))[0] == 201
    body["targets"] = []
    assert (await app.client.request("POST", CALLS, body))[0] == 400
