"""Each kind of fault, staged from outside, and what then comes over a real socket."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from contract import wav
from local.emulator import callbacks
from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.local.emulator.conftest import CALLS, KEY, Client
from tests.local.emulator.receiving import Received, receiver

SPEED = 10.0
HOUR_MS = 3_600_000
CALLER, CALLEE = "8:acs:emulator_agent", "4:+15551230000"

Play = Callable[..., Awaitable[Received]]


def numbered_frames(count: int) -> bytes:
    """Frames of 640 bytes that all differ, and none of which is silent."""
    samples = np.repeat(np.arange(1, count + 1, dtype="<i2"), 320)
    return bytes(samples.tobytes())


def numbers(received: Received) -> list[int]:
    """The numbers of the frames that came, from the first one on."""
    pcm = [base64.b64decode(frame["data"])[:2] for frame in received.frames()]
    first = int.from_bytes(pcm[0], "little")
    return [int.from_bytes(number, "little") - first for number in pcm]


@pytest_asyncio.fixture
async def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Play]:
    """Place a call under faults; return what came when ``frames`` frames had come."""
    # Nothing receives the callback events: do not wait between the attempts to deliver them.
    monkeypatch.setattr(callbacks, "_FIRST_BACKOFF_SECONDS", 0.0)
    audio = tmp_path / "numbers.wav"
    pcm = numbered_frames(2_000)
    audio.write_bytes(wav.header(16_000, len(pcm)) + pcm)
    silence = tmp_path / "silence.wav"
    silence.write_bytes(wav.header(16_000, 640) + bytes(640))
    settings = EmulatorSettings(
        KEY, "resource", port=0, speed=SPEED, answer_seconds=0.0, audio=(audio, silence)
    )
    emulator = EmulatorServer(settings)
    await emulator.start()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(emulator.endpoint))
        client = Client(emulator, session)

        async def place(frames: int = 150, channels: str = "mixed", **faults: Any) -> Received:
            received = await stack.enter_async_context(receiver())
            status, answer = await client.request("POST", "/emulator/faults", faults)
            assert status == 200, answer
            options = {
                "transportUrl": received.url,
                "transportType": "websocket",
                "contentType": "audio",
                "audioChannelType": channels,
                "startMediaStreaming": True,
            }
            body = {
                "targets": [{"rawId": CALLEE}],
                "callbackUri": "http://127.0.0.1:9/",
                "mediaStreamingOptions": options,
            }
            _, call = await client.request("POST", CALLS, body)
            await received.until(lambda: len(received.messages) > frames)
            await client.request("POST", f"{CALLS}/{call['callConnectionId']}:terminate", {})
            return received

        yield place
    await emulator.stop()


async def test_without_faults_frames_come_in_order_20_ms_apart(play: Play) -> None:
    received = await play()
    assert received.kinds()[:2] == ["AudioMetadata", "AudioData"]
    assert numbers(received) == list(range(len(received.frames())))
    assert received.stamps_ms() == [20 * n for n in range(len(received.frames()))]


async def test_the_sender_s_clock_is_set_back(play: Play) -> None:
    received = await play(clock_step_ms=-500, clock_step_after_ticks=50)
    assert numbers(received)[:150] == list(range(150))
    expected = [20 * n if n < 50 else 20 * n - 500 for n in range(150)]
    assert received.stamps_ms()[:150] == expected


async def test_the_clock_stays_set_back_on_the_next_socket(play: Play) -> None:
    received = await play(clock_step_ms=-HOUR_MS, clock_step_after_ticks=50, cut_after_ticks=60)
    assert len(received.handshakes) == 2
    stamps = received.stamps_ms()
    second = received.kinds().index("AudioMetadata", 1) - 1
    assert [stamp < 0 for stamp in stamps] == [False] * 50 + [True] * (len(stamps) - 50)
    assert second == 60
    assert stamps[second] > stamps[second - 1]


async def test_stamps_in_whole_seconds(play: Play) -> None:
    received = await play(stamp_resolution_ms=1000)
    assert {stamp % 1000 for stamp in received.stamps_ms()} == {0}
    assert all("." not in frame["timestamp"] for frame in received.frames())
    assert len(set(numbers(received))) == len(received.frames())


@pytest.mark.parametrize("stray_ms", [61, 10_000, HOUR_MS, 10 * 365 * 24 * HOUR_MS])
async def test_stray_stamps(play: Play, stray_ms: int) -> None:
    received = await play(stray_ms=stray_ms, stray_ticks=[20, 40])
    off = {n: s - 20 * n for n, s in enumerate(received.stamps_ms()) if s != 20 * n}
    assert off == {20: stray_ms, 40: stray_ms}


async def test_the_first_frame_is_stamped_centuries_ago_or_not_at_all(play: Play) -> None:
    received = await play(stray_ms=-(10**13), stray_ticks=[0])
    assert received.frames()[0]["timestamp"].startswith("1710-"), "316 years before 2026"
    received = await play(stray_ms=None, stray_ticks=[0])
    assert ["timestamp" in frame for frame in received.frames()[:3]] == [False, True, True]


async def test_drift_of_stamps_and_of_arrival(play: Play) -> None:
    received = await play(drift_ppm=20_000)
    assert received.stamps_ms()[100] == pytest.approx(2040, abs=1)
    received = await play(frames=400, pace_ppm=1_000_000)
    assert received.arrivals[400] - received.arrivals[1] > 9.0 / SPEED, "16 s instead of 8 s"
    assert received.stamps_ms()[100] == 2000


async def test_one_frame_each_so_many_ticks(play: Play) -> None:
    received = await play(frames=3, every_ticks=100)
    assert numbers(received)[:3] == [0, 100, 200]
    assert received.stamps_ms()[:3] == [0, 2000, 4000]


async def test_the_first_frames_are_out_of_order(play: Play) -> None:
    received = await play(first_order=[1, 0, 2], pause_after_ticks=20, pause_ticks=10)
    sequence = numbers(received)[:24]
    assert [n - min(sequence) for n in sequence] == [1, 0, *range(2, 20), 31, 30, 32, 33]


async def test_a_stall_and_then_a_burst(play: Play) -> None:
    received = await play(frames=700, stall_after_ticks=50, stall_ticks=600)
    assert numbers(received)[:700] == list(range(700))
    waits = [later - earlier for earlier, later in itertools.pairwise(received.arrivals[1:])]
    # The stall has 12 s of audio, less what held up the frame before it.
    assert waits[49] > 3.0 / SPEED
    # Most frames of the burst follow one another at once, and not at the pace of 20 ms.
    assert median(waits[50:650]) < 0.02 / SPEED / 2


async def test_late_and_repeated_frames_are_equal(play: Play) -> None:
    received = await play(repeat=0.3, repeat_late=True, late_ticks=10)
    frames = received.frames()
    repeated = [frame for frame in frames if frames.count(frame) == 2]
    assert len(repeated) > 20
    assert numbers(received) != sorted(numbers(received))


async def test_clocks_apart_and_a_silent_track(play: Play) -> None:
    received = await play(channels="unmixed", frames=80, clock_apart_ms=HOUR_MS)
    first, second = received.stamps_ms()[:2]
    assert second - first == HOUR_MS
    assert [f["participantRawID"] for f in received.frames()[:2]] == [CALLER, CALLEE]
    received = await play(channels="unmixed", frames=80, omit_silent_frames=True)
    assert {frame["participantRawID"] for frame in received.frames()} == {CALLER}


async def test_metadata_late_or_never_or_wrong(play: Play) -> None:
    received = await play(metadata_after_ticks=5)
    assert received.kinds().index("AudioMetadata") == 5
    received = await play(metadata_after_ticks=None)
    assert set(received.kinds()) == {"AudioData"}
    received = await play(metadata_sample_rate=24_000, metadata_length=65_536)
    metadata = received.packets()[0]["audioMetadata"]
    assert (metadata["sampleRate"], metadata["length"]) == (24_000, 65_536)
    assert len(base64.b64decode(received.frames()[0]["data"])) == 640


async def test_sizes_of_packets(play: Play) -> None:
    received = await play(extra_bytes=1)
    assert {len(base64.b64decode(frame["data"])) for frame in received.frames()} == {641}
    received = await play(frames=3, frame_ticks=102)
    assert len(base64.b64decode(received.frames()[0]["data"])) == 65_280
    assert received.stamps_ms()[:3] == [0, 2040, 4080]


async def test_other_writing_of_the_same_messages(play: Play) -> None:
    received = await play(byte_order_mark=True, fragments=3, kind_case=True)
    assert all(isinstance(m, str) and m.startswith("\ufeff{") for m in received.messages)
    assert set(received.kinds()) == {"audiometadata", "audiodata"}
    received = await play(binary=True, decimal_numbers=True, nulls=["length", "silent"])
    assert all(isinstance(message, bytes) for message in received.messages)
    metadata = received.packets()[0]["audioMetadata"]
    assert (repr(metadata["sampleRate"]), metadata["length"]) == ("16000.0", None)
    assert received.frames()[0]["silent"] is None


async def test_many_speakers_one_after_another(play: Play) -> None:
    received = await play(channels="unmixed", participant_ticks=2, participant_ids=["", "x"])
    speakers = list(dict.fromkeys(frame["participantRawID"] for frame in received.frames()))
    assert speakers[:4] == ["", "x", "x_2", "x_3"]
    assert len(speakers) > 33


async def test_dtmf_tones(play: Play) -> None:
    received = await play(frames=160, dtmf=["pound", 5, "#"], dtmf_timestamp=True)
    tones = [packet["dtmfData"] for packet in received.packets() if packet["kind"] == "DtmfData"]
    assert [tone["data"] for tone in tones] == ["pound", 5, "#"]
    assert received.frames()[50]["timestamp"] == tones[0]["timestamp"]


async def test_headers_of_the_handshake(play: Play) -> None:
    received = await play(handshake_headers={"Connection": "keep-alive, Upgrade", "x-more": "1"})
    (headers,) = received.handshakes
    assert headers.get_all("Connection") == ["keep-alive, Upgrade"]
    assert headers["x-more"] == "1"
    assert headers["Authorization"].startswith("Bearer ")
