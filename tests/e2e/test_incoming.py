"""From an incoming call to its results, with real processes, as for calls that the app places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from azure.storage.blob import BlobServiceClient

from contract import names
from contract.manifest import Manifest, decode_manifest
from local.client import AppClient, Json, is_assembled, state_is, streaming_is
from local.up import Up
from tests.e2e.conftest import SPEED
from tests.e2e.ringing import simulate_incoming_call, wait_for_audio, wait_for_deliveries
from tests.e2e.test_calls import finish

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLED, CALLER = "+15551230000", "+15559990000"
LONG_ID = "8:acs:" + "ü" * 60
"""A raw id that is too long for the name of a track, which is a hash then."""

RINGS = {"to": CALLED, "from": CALLER}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    """The whole system, answering one number, with streaming options that are not the defaults."""
    settings = {
        "SEGMENT_SECONDS": "5",
        "TRANSCRIPTION": "off",
        "ANSWER_CALLS": CALLED,
        "ANSWER_CHANNELS": "unmixed",
        "ANSWER_SAMPLE_RATE": "24000",
        "DTMF": "digits",
        "ANNOUNCEMENT": "required",
        "ANNOUNCEMENT_TEXT": "This call is recorded.",
        "ANNOUNCEMENT_HOSTS": "files.example",
        "COGNITIVE_SERVICES_ENDPOINT": "https://my-speech.cognitiveservices.azure.com",
    }
    async with Up(use_free_ports=True, speed=SPEED, settings=settings) as running:
        yield running


async def answered(emulator: aiohttp.ClientSession, **changes: str) -> str:
    """The id of a call that rang and was answered."""
    ring = await simulate_incoming_call(emulator, **RINGS | changes)
    assert (ring["state"], ring["deliveries"]) == ("answered", [202])
    return str(ring["call_connection_id"])


def log(up: Up) -> str:
    return (Path(up.log_dir) / "app.log").read_text()


async def test_what_lands_is_what_was_sent(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = await answered(faults, **{"from": LONG_ID, "display_name": "Zoë"})
    record = await app.show(call)
    assert (record["direction"], record["from"], record["to"]) == ("incoming", LONG_ID, CALLED)
    assert record["names"] == {LONG_ID: "Zoë"}
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 480_000)
    record, landed = await finish(app, up, call, 1)
    assert set(landed[0]) == {LONG_ID, f"4:{CALLED}"}
    tracks = (await app.timeline(call))["tracks"]
    shown = {(track["participant"], track["name"]) for track in tracks}
    assert shown == {(LONG_ID, "Zoë"), (f"4:{CALLED}", None)}
    (stream,) = record["streams"]
    assert stream["sample_rate"] == 24_000
    assert record["summary"]["missing_segments"] == 0
    names = [event["type"] for event in record["events"]]
    assert {"CallConnected", "MediaStreamingStarted", "CallDisconnected"} <= set(names)


async def test_its_streaming_stops_and_starts_and_it_is_listed(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = await answered(faults)
    await app.until(call, streaming_is("active"), "streaming starts")
    _, page, _ = await app.request("GET", "/api/v1/calls?limit=1")
    (listed,) = page["calls"]
    assert (listed["call_connection_id"], listed["direction"]) == (call, "incoming")
    await wait_for_audio(faults, call, 120_000)
    await app.streaming(call, "stop", operation_context="pause")
    await app.until(call, streaming_is("inactive"), "streaming stops")
    await app.streaming(call, "start")
    await app.until(call, streaming_is("active"), "streaming starts again")
    await wait_for_audio(faults, call, 120_000)
    await finish(app, up, call, 2)


async def test_two_simultaneous_deliveries_answer_the_call_once(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    async def answers() -> int:
        async with faults.get("/emulator/requests") as answer:
            return int((await answer.json()).get("POST answer", 0))

    before = await answers()
    await faults.post("/emulator/faults", json={"repeat_events": True})
    ring = await simulate_incoming_call(faults, **RINGS)
    ring = await wait_for_deliveries(faults, ring["id"], deliveries=2)
    assert ring["deliveries"] == [202, 202]
    assert await answers() == before + 1
    assert f"incoming_call outcome=left reason=claimed correlation={ring['id']}" in log(up)
    record = await app.until(ring["call_connection_id"], state_is("connected"), "it connects")
    ids = [event["id"] for event in record["events"]]
    assert len(ids) == len(set(ids))
    await app.hang_up(ring["call_connection_id"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"to": "+15551230001"}, "not_listed"), ({"age_seconds": 31}, "too_old")],
)
async def test_a_call_that_is_left_keeps_ringing(
    app: AppClient, up: Up, faults: aiohttp.ClientSession, change: Json, reason: str
) -> None:
    before = await listed(app)
    ring = await simulate_incoming_call(faults, **RINGS | change)
    assert ring["deliveries"] == [202], "it is not delivered again"
    assert ring["call_connection_id"] is None
    assert f"incoming_call outcome=left reason={reason} correlation={ring['id']}" in log(up)
    assert await listed(app) == before


async def test_an_answered_call_is_announced_before_it_is_streamed_and_to_who_joins_later(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    """Every event comes twice, and each step is taken once."""
    await faults.post("/emulator/faults", json={"repeat_events": True})
    ring = await simulate_incoming_call(faults, **RINGS)
    ring = await wait_for_deliveries(faults, ring["id"], deliveries=2)
    call = ring["call_connection_id"]
    record = await app.until(call, streaming_is("active"), "streaming starts")
    announcement = record["announcement"]
    assert (announcement["policy"], announcement["source"]) == ("required", "setting")
    assert (announcement["state"], announcement["text"]) == ("completed", "This call is recorded.")
    (play,) = announcement["plays"]
    assert (play["to_all"], set(play["to"])) == (True, {f"4:{CALLER}", f"4:{CALLED}"})
    assert play["requested_at"]
    times = {event["type"]: event["time"] for event in record["events"]}
    names = ("PlayStarted", "PlayCompleted", "MediaStreamingStarted")
    started, completed, streamed = (datetime.fromisoformat(times[name]) for name in names)
    assert started <= completed < streamed
    assert (play["started_at"], play["ended_at"]) == (times["PlayStarted"], times["PlayCompleted"])
    newcomer = {"rawId": "8:acs:newcomer"}
    async with faults.post(f"/emulator/calls/{call}/participants", json=newcomer) as response:
        assert response.status == 201
    record = await app.until(call, lambda r: len(r["announcement"]["plays"]) > 1, "it is announced")
    is_played = lambda r: r["announcement"]["plays"][1]["state"] == "completed"
    record = await app.until(call, is_played, "the newcomer hears it")
    assert record["announcement"]["plays"][1]["to"] == ["8:acs:newcomer"]
    assert record["streaming"]["state"] == "active"
    async with faults.get(f"/emulator/calls/{call}/requests") as response:
        requests = await response.json()
    assert [request["operation"] for request in requests] == [
        "answer",
        "play",
        "startMediaStreaming",
        "play",
    ]
    assert requests[1]["body"]["playSources"][0]["text"]["text"] == "This call is recorded."
    assert requests[1]["body"]["playTo"] == []
    await wait_for_audio(faults, call, 64_000)
    await finish(app, up, call, 1)
    before, during = (await app.timeline(call))["announcements"]
    assert (before["to_all"], before["end_ms"] <= 0) == (True, True)
    assert during["to"] == ["8:acs:newcomer"]
    assert during["start_ms"] >= before["end_ms"]


async def test_without_a_required_announcement_a_call_is_not_recorded(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    # The emulator's folder has no such file.
    url = "https://files.example/missing.wav"
    status, problem, _ = await app.request(
        "POST", "/api/v1/calls", RINGS | {"announcement": {"url": url, "required": False}}
    )
    assert (status, problem["errors"][0]["field"]) == (400, "announcement.required")
    call = (await app.place_call(**RINGS, announcement={"url": url}))["call_connection_id"]
    record = await app.until(
        call, lambda r: r["announcement"]["state"] == "failed", "the announcement fails"
    )
    assert [play["state"] for play in record["announcement"]["plays"]] == ["failed", "failed"]
    reason = "Action failed, file could not be downloaded."
    assert record["announcement"]["plays"][0]["result"]["message"] == reason
    assert record["streaming"]["state"] == "inactive"
    status, problem, _ = await app.request("POST", f"/api/v1/calls/{call}/streaming/start")
    assert (status, problem["code"]) == (409, "announcement_not_played")
    assert reason in problem["detail"]
    await app.hang_up(call)
    record = await app.until(call, lambda r: r["result_state"] == "none", "the call left no audio")
    assert reason in record["result_reason"]
    assert record["streams"] == []


async def test_a_file_is_announced(app: AppClient, up: Up, faults: aiohttp.ClientSession) -> None:
    url = "https://files.example/consent/agent.16000.wav"
    call = (await app.place_call(**RINGS, announcement={"url": url}))["call_connection_id"]
    # 36 s of audio, at eight times their speed.
    record = await app.until(call, streaming_is("active"), "streaming starts")
    announcement = record["announcement"]
    assert (announcement["state"], announcement["url"]) == ("completed", url)
    assert announcement["source"] == "call"
    await app.hang_up(call)


async def test_what_is_kept_of_dtmf_tones(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    """The emulator sends tones even to a call that asked for none."""
    await faults.post("/emulator/faults", json={"dtmf": ["4", "#"]})
    placed = [await app.place_call(**RINGS, dtmf=mode) for mode in ("off", "times")]
    calls = [record["call_connection_id"] for record in placed] + [await answered(faults)]
    assert [(await app.show(call))["dtmf"] for call in calls] == ["off", "times", "digits"]
    kept = []
    for call in calls:
        await app.until(call, streaming_is("active"), "streaming starts")
    for call in calls:
        # 2.5 s of audio or more: the tones are sent within two seconds.
        await wait_for_audio(faults, call, 120_000)
        await app.hang_up(call)
        await app.until(call, lambda record: is_assembled(record, 1), "the result")
        (manifest,) = await asyncio.to_thread(read_manifests, up, call)
        assert manifest.packets["DtmfData"] == 2
        kept.append([tone.tone for tone in manifest.dtmf])
    assert kept == [[], [None, None], ["4", "#"]]


def read_manifests(up: Up, call: str) -> list[Manifest]:
    storage = up.addresses.storage_connection_string
    with BlobServiceClient.from_connection_string(storage) as service:
        container = service.get_container_client(names.MANIFESTS)
        blobs = container.list_blob_names(name_starts_with=f"{call}/")
        return [decode_manifest(container.download_blob(blob).readall()) for blob in blobs]


async def listed(app: AppClient) -> list[str]:
    _, page, _ = await app.request("GET", "/api/v1/calls?limit=100")
    return [record["call_connection_id"] for record in page["calls"]]


async def test_a_failed_answer_lists_no_call_until_the_next_delivery_answers_it(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    before = await listed(app)
    await faults.post("/emulator/faults", json={"answer_status": 502})
    ring = await simulate_incoming_call(faults, **RINGS)
    assert (ring["deliveries"], ring["state"]) == ([500], "ringing")
    outcome = f"outcome=failed reason=HttpResponseError correlation={ring['id']}"
    assert f"incoming_call {outcome}" in log(up)
    assert await listed(app) == before
    await faults.post("/emulator/faults", json={})
    ring = await wait_for_deliveries(faults, ring["id"], deliveries=2)
    assert (ring["deliveries"], ring["state"]) == ([500, 202], "answered")
    call = ring["call_connection_id"]
    assert await listed(app) == [call, *before]
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 120_000)
    await finish(app, up, call, 1)
