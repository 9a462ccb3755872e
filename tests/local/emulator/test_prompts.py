"""Prompts that the app plays into a call: their audio, their events, and Microsoft's client."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.communication.callautomation import (
    FileSource,
    PhoneNumberIdentifier,
    TextSource,
)
from azure.communication.callautomation.aio import CallAutomationClient
from azure.core.credentials import AzureKeyCredential

from local.emulator import audio_files, requests
from local.emulator.audio import CONVERSATION, CallAudio
from local.emulator.clock import CallClock
from local.emulator.faults import Faults
from local.emulator.prompts import Prompts, synthesize
from local.emulator.requests import PlayRequest
from tests.calls.emulator import ACCESS_KEY, create_emulator

RATE = 16_000
FILE = "agent.16000.wav"


class Play:
    """A call into which prompts are played, much faster than in real time."""

    def __init__(self, *, has_speech: bool = True, folder: Path | None = CONVERSATION) -> None:
        self.audio = CallAudio({"a": bytes(2 * RATE), "b": b""}, RATE)
        self.events: list[tuple[str, str | None, dict[str, Any]]] = []
        clock = CallClock(datetime.now(UTC), 1.0)
        self.prompts = Prompts(
            self.audio,
            clock,
            1000.0,
            folder,
            has_speech=has_speech,
            send_event=self._send,
        )

    async def _send(self, name: str, _: str | None, context: str | None, **data: Any) -> None:
        self.events.append((name, context, data))

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.events]


def text(words: str = "hello", **more: Any) -> PlayRequest:
    source = requests.PlaySource(kind="text", text=requests.TextSource(text=words))
    return PlayRequest(play_sources=[source], operation_context="context", **more)


def file(uri: str) -> PlayRequest:
    source = requests.PlaySource(kind="file", file=requests.FileSource(uri=uri))
    return PlayRequest(play_sources=[source])


def find(audio: CallAudio, pcm: bytes) -> bool:
    """Whether a mixed stream has this audio, from some tick on."""
    first = audio._prompts[0][0]
    count = -(-len(pcm) // audio.frame_bytes)
    stream = b"".join(audio.mixed(tick) for tick in range(first, first + count))
    return stream.startswith(pcm)


async def test_a_text_is_a_tone_for_each_word_in_the_stream() -> None:
    play = Play()
    await play.prompts.play(text("This call is recorded."), Faults())
    assert [(name, context) for name, context, _ in play.events] == [
        ("PlayStarted", "context"),
        ("PlayCompleted", "context"),
    ]
    pcm = synthesize("This call is recorded.", RATE)
    assert len(pcm) == 2 * RATE * (4 * 0.25 + 5 * 0.1)
    assert find(play.audio, pcm)
    assert synthesize("This call is recorded.", RATE) == pcm != synthesize("Another", RATE)


async def test_a_file_is_played_as_it_is() -> None:
    play = Play()
    await play.prompts.play(file(f"https://files.example/consent/{FILE}"), Faults())
    assert play.names == ["PlayStarted", "PlayCompleted"]
    assert find(play.audio, audio_files.read(CONVERSATION / FILE, RATE))


async def test_a_prompt_for_one_participant_is_not_in_the_stream() -> None:
    play = Play()
    await play.prompts.play(text(play_to=[requests.Target("4:+1555")]), Faults())
    assert play.names == ["PlayStarted", "PlayCompleted"]
    assert play.audio._prompts == []


@pytest.mark.parametrize(
    ("request_", "options", "code", "sub_code"),
    [
        (text(), {"has_speech": False}, 400, 8565),
        (file("https://files.example/missing.wav"), {}, 400, 8536),
        (file("https://files.example/"), {}, 400, 8536),
        (file("https://files.example/a.wav"), {"folder": None}, 400, 8536),
        (file("https://files.example/truth.json"), {}, 400, 8535),
    ],
)
async def test_what_cannot_be_played_fails(
    request_: PlayRequest, options: dict[str, Any], code: int, sub_code: int
) -> None:
    play = Play(**options)
    await play.prompts.play(request_, Faults())
    ((name, _, data),) = play.events
    assert (name, data["failedPlaySourceIndex"]) == ("PlayFailed", 0)
    result = data["resultInformation"]
    assert (result["code"], result["subCode"]) == (code, sub_code)
    assert play.audio._prompts == []


async def test_faults() -> None:
    play = Play()
    await play.prompts.play(text(), Faults(play="fail"))
    assert play.names == ["PlayFailed"]
    await play.prompts.play(text(), Faults(play="never_completes"))
    assert play.names == ["PlayFailed", "PlayStarted"]
    await play.prompts.cancel()
    name, context, data = play.events[-1]
    assert (name, context) == ("PlayCanceled", "context")
    assert data["resultInformation"]["subCode"] == 8508


async def test_prompts_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play()
    await asyncio.gather(*(play.prompts.play(text(word), Faults()) for word in ("one", "two")))
    assert play.names == ["PlayStarted", "PlayCompleted"] * 2
    # The end of the call cancels the one that is playing and the one that waits.
    ended = asyncio.Event()

    async def wait(_: float) -> None:
        await ended.wait()

    monkeypatch.setattr(asyncio, "sleep", wait)
    play.events.clear()
    both = [asyncio.create_task(play.prompts.play(text(w), Faults())) for w in ("one", "two")]
    for _ in range(10_000):
        if play.names == ["PlayStarted"]:
            break
        await asyncio.wait(both, timeout=0.001)
    await play.prompts.cancel()
    ended.set()
    await asyncio.gather(*both)
    assert play.names == ["PlayStarted", "PlayCanceled", "PlayCanceled"]


@pytest.mark.parametrize("kind", ["text", "file"])
async def test_microsofts_client_plays_prompts(kind: str) -> None:
    """Real requests, and the events that they lead to, from connecting to a newcomer."""
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        for event in await request.json():
            events.put_nowait(event)
        return web.Response()

    async def next_event(name: str) -> dict[str, Any]:
        while True:
            event = await asyncio.wait_for(events.get(), 60)
            if event["type"].endswith("." + name):
                data: dict[str, Any] = event["data"]
                return data

    app = web.Application()
    app.router.add_post("/callbacks", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    emulator = create_emulator(answer_seconds=0, speed=100.0, prompts=CONVERSATION)
    await emulator.start()
    client = CallAutomationClient(emulator.endpoint, AzureKeyCredential(ACCESS_KEY))
    source: FileSource | TextSource = (
        TextSource(text="This call is recorded.", source_locale="en-US")
        if kind == "text"
        else FileSource(url="https://files.example/" + FILE)
    )
    try:
        created = await client.create_call(
            PhoneNumberIdentifier("+15551230000"),
            f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks",
            source_caller_id_number=PhoneNumberIdentifier("+15559990000"),
            cognitive_services_endpoint="https://my-speech.cognitiveservices.azure.com",
        )
        assert created.call_connection_id is not None
        connection = client.get_call_connection(created.call_connection_id)
        await next_event("CallConnected")
        await connection.play_media(source, "all", operation_context="to all")
        for name in ("PlayStarted", "PlayCompleted"):
            assert (await next_event(name))["operationContext"] == "to all"
        target = PhoneNumberIdentifier("+15551230000")
        await connection.play_media(source, [target], operation_context="to one")
        completed = await next_event("PlayCompleted")
        assert completed["operationContext"] == "to one"
        assert completed["resultInformation"]["code"] == 200
    finally:
        await client.close()
        await emulator.stop()
        await runner.cleanup()
