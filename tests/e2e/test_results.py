"""What a call leaves, over the real host: ranges, poison segments, the reconciler's timer."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.results import analysis
from calls.verify.command import PROVEN
from calls.verify.command import main as verify
from contract import names
from local.client import AppClient, is_assembled, state_is, streaming_is
from local.up import Up
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.e2e.conftest import MASTER_KEY
from tests.e2e.ringing import wait_for_audio

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"to": "+15551230000", "from": "+15559990000"}


async def failures(app: AppClient, reached: Callable[[list[Any]], bool]) -> list[Any]:
    deadline = time.monotonic() + 100
    while True:
        status, document, _ = await app.request("GET", "/api/v1/failures")
        assert status == 200
        if reached(document["failures"]):
            return list(document["failures"])
        assert time.monotonic() < deadline, document
        await asyncio.sleep(0.25)


async def test_players_can_seek_in_a_recording_that_is_proven(
    app: AppClient, up: Up, faults: aiohttp.ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    call = (await app.place_call(**PHONE, channels="unmixed"))["call_connection_id"]
    for product in ("recording", "timeline", "transcript", "transcript.vtt"):
        status, problem, _ = await app.request("GET", f"/api/v1/calls/{call}/{product}")
        assert (status, problem["code"]) == (409, "not_ready")
        assert problem["result_state"] == "recording"
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 192_000)
    await app.hang_up(call)
    await app.until(call, lambda r: is_assembled(r, 1), "the result")
    whole = await app.recording(call)
    key = {"x-functions-key": up.addresses.function_key}
    async with aiohttp.ClientSession(up.addresses.app, headers=key) as session:
        path = f"/api/v1/calls/{call}/recording"
        async with session.head(path) as head:
            assert head.status == 200
            assert head.headers["Accept-Ranges"] == "bytes"
            assert head.headers["Content-Type"] == "audio/wav"
            assert int(head.headers["Content-Length"]) == len(whole)
        async with session.get(path, headers={"Range": "bytes=100-199"}) as part:
            assert part.status == 206
            assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
            assert await part.read() == whole[100:200]
        async with session.get(path, allow_redirects=False) as redirect:
            assert redirect.status == 307
            link = redirect.headers["Location"]
        record = await app.show(call)
        assert record["summary"]["recording_sha256"] == hashlib.sha256(whole).hexdigest()
        async with aiohttp.ClientSession() as stranger, stranger.get(link) as download:
            assert download.status == 200
            assert download.headers["Content-Disposition"] == f'inline; filename="{call}.wav"'
            assert await download.read() == whole
        track = (await app.timeline(call))["tracks"][1]["track"]
        async with session.get(f"/api/v1/calls/{call}/segments/{track}/0") as segment:
            assert segment.status == 200
            assert (await segment.read()).startswith(b"RIFF")
        async with session.get(f"/api/v1/calls/{call}/transcript.txt") as text:
            problem = await text.json(content_type="application/problem+json")
            assert (text.status, problem["code"]) == (409, "transcription_off")
    environment = {"AudioStorage": up.addresses.storage_connection_string}
    assert await asyncio.to_thread(verify, [call], environment) == PROVEN, capsys.readouterr().out


async def test_calls_without_audio_say_so_at_once(app: AppClient) -> None:
    for connects in (True, False):
        call = (await app.place_call(**PHONE, start_streaming=False))["call_connection_id"]
        if connects:
            await app.until(call, state_is("connected"), "the call connects")
        await app.hang_up(call)
        record = await app.until(call, lambda r: r["result_state"] == "none", "no result")
        # On a busy machine the hang-up may come after the answer.
        is_connected = "CallConnected" in [event["type"] for event in record["events"]]
        reason = "the media streaming was never started" if is_connected else "connected"
        assert reason in record["result_reason"]
        status, problem, _ = await app.request("GET", f"/api/v1/calls/{call}/timeline")
        assert (status, problem["code"]) == (404, "no_result")
        assert problem["result_state"] == "none"


async def test_an_analysis_holds_what_the_streamer_counted(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 64_000)
    await app.hang_up(call)
    record = await app.until(call, lambda r: is_assembled(r, 1), "the result")
    (stream,) = record["streams"]
    frames = 0
    storage = up.addresses.storage_connection_string
    async with BlobServiceClient.from_connection_string(storage) as service:
        for segment in stream["segments"]:
            blob = segment["blob"].removeprefix("segments/").replace(".wav", ".json")
            download = await service.get_blob_client(blobs.RESULTS, blob).download_blob()
            frames += analysis.decode_analysis(await download.readall()).counts.frames
    assert frames == stream["counts"]["frames"] > 0


@pytest.mark.timeout(240)
async def test_a_segment_that_always_fails_is_listed_and_tried_again(
    app: AppClient, up: Up
) -> None:
    storage = up.addresses.storage_connection_string
    stream = SampleStream(new_call_id(), {None: noise(16_000)})
    ((blob, (file, metadata)),) = stream.files.items()
    broken = b"RIFX" + file[4:]

    def listed(found: list[Any]) -> bool:
        return any(failure["call_connection_id"] == stream.call for failure in found)

    async with BlobServiceClient.from_connection_string(storage) as service:
        client = service.get_blob_client(names.SEGMENTS, blob)
        await client.upload_blob(broken, metadata=metadata)
        found = await failures(app, listed)
        (failure,) = [f for f in found if f["call_connection_id"] == stream.call]
        assert failure["track"] == "mixed"
        assert "RIFF" in failure["error"]
        path = f"/api/v1/failures/{failure['id']}/retry"
        assert (await app.request("POST", path))[0] == 202
        assert not listed(await failures(app, lambda _: True))
        assert (await app.request("POST", path))[0] == 404
        await failures(app, listed)


async def test_the_reconcilers_timer_runs(up: Up) -> None:
    headers = {"x-functions-key": MASTER_KEY}
    async with (
        aiohttp.ClientSession(up.addresses.app, headers=headers) as session,
        session.post("/admin/functions/reconcile", json={"input": ""}) as answer,
    ):
        assert answer.status == 202, await answer.text()
