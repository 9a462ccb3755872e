"""From dialing to results, with real processes: the uploaded audio is the audio that was sent."""

from __future__ import annotations

import asyncio
import io
import json
import uuid
import zipfile
from datetime import datetime
from functools import partial
from typing import Any

import aiohttp
import pytest

from local import verify
from local.client import AppClient, Json, is_assembled, state_is, streaming_is
from local.up import Up
from tests.e2e.ringing import simulate_incoming_call, wait_for_audio
from tests.local.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"to": "+15551230000", "from": "+15559990000"}
USER = {"to": "8:acs:3d20e1de-0f28-41c5_0000"}


async def finish(app: AppClient, up: Up, call: str, streams: int) -> tuple[Json, verify.Streams]:
    """Hang up, wait for the result, and compare every sample."""
    await app.hang_up(call)
    await app.until(call, state_is("disconnected"), "the call ends")
    record = await app.until(call, lambda r: is_assembled(r, streams), "the result")
    sent = await verify.fetch_sent(up.addresses.acs_endpoint, call)
    landed = await verify.fetch_uploaded(up.addresses.storage_connection_string, call)
    assert verify.compare(sent, landed) > 0
    tracks = [track["participant"] for track in (await app.timeline(call))["tracks"]]
    verify.compare_recording(sent, await app.recording(call), tracks)
    return record, landed


@pytest.mark.parametrize("channels", ["mixed", "unmixed"])
@pytest.mark.parametrize("sample_rate", [16_000, 24_000])
async def test_what_lands_is_what_was_sent(
    app: AppClient, up: Up, faults: aiohttp.ClientSession, channels: str, sample_rate: int
) -> None:
    record = await app.place_call(**PHONE, channels=channels, sample_rate=sample_rate)
    call = record["call_connection_id"]
    assert (record["channels"], record["sample_rate"]) == (channels, sample_rate)
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 10 * 2 * sample_rate)
    record, landed = await finish(app, up, call, 1)
    assert set(landed[0]) == ({None} if channels == "mixed" else {"4:" + n for n in PHONE.values()})
    (stream,) = record["streams"]
    assert stream["sample_rate"] == sample_rate
    assert stream["counts"]["gaps"] == stream["counts"]["repeated"] == 0
    assert all(segment["analysed"] for segment in stream["segments"])
    assert record["summary"]["missing_segments"] == 0
    assert record["summary"]["speech_share"] > 0.2
    assert record["landed_segments"] == []
    names = [event["type"] for event in record["events"]]
    assert {"CallConnected", "MediaStreamingStarted", "CallDisconnected"} <= set(names)


async def test_stop_and_start_in_the_middle_keeps_two_streams_apart_and_in_order(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = (await app.place_call(**PHONE, channels="unmixed"))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 192_000)
    stopped = await app.streaming(call, "stop", operation_context="pause")
    assert stopped["streaming"]["state"] == "stopping"
    record = await app.until(call, streaming_is("inactive"), "streaming stops")
    (stop,) = [event for event in record["events"] if event["type"] == "MediaStreamingStopped"]
    assert stop["operation_context"] == "pause"
    await asyncio.sleep(0.5)
    await app.streaming(call, "start")
    await app.until(call, streaming_is("active"), "streaming starts again")
    await wait_for_audio(faults, call, 192_000)
    record, landed = await finish(app, up, call, 2)
    first, second = record["streams"]
    assert first["stream_id"] < second["stream_id"]
    ends = max(segment["end"] for segment in first["segments"])
    begins = min(segment["start"] for segment in second["segments"])
    assert ends <= begins
    assert len(landed) == 2


async def test_a_paused_recording_keeps_its_time_and_says_who_paused_it(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = (await app.place_call(**PHONE))["call_connection_id"]
    path = f"/api/v1/calls/{call}"
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 64_000)
    status, record, _ = await app.request("POST", path + "/pause", {"reason": "card payment"})
    assert (status, record["streaming"]["state"]) == (202, "stopping")
    record = await app.until(call, streaming_is("inactive"), "streaming stops")
    assert record["result_state"] == "recording"
    status, again, _ = await app.request("POST", path + "/pause", {"max_seconds": 1})
    assert (status, again["pauses"]) == (202, record["pauses"]), "a repeat changes nothing"
    assert (await app.request("POST", path + "/resume"))[0] == 202
    await app.until(call, streaming_is("active"), "streaming starts again")
    assert (await app.request("POST", path + "/resume"))[0] == 202, "a repeat changes nothing"
    await wait_for_audio(faults, call, 64_000)
    # It resumes by itself: by a message that becomes visible in its queue when it is due.
    assert (await app.request("POST", path + "/pause", {"max_seconds": 1}))[0] == 202
    record = await app.until(call, lambda r: bool(r["pauses"][-1]["resumed_at"]), "it resumes")
    first, second = record["pauses"]
    assert (first["reason"], second["reason"]) == ("card payment", None)
    assert {first["paused_by"]["kind"], first["resumed_by"]["kind"]} == {"key"}
    assert second["resumed_by"]["kind"] == "system"
    resumed, due = (datetime.fromisoformat(second[name]) for name in ("resumed_at", "resume_at"))
    assert resumed >= due
    await app.until(call, streaming_is("active"), "streaming starts once more")
    await wait_for_audio(faults, call, 64_000)
    # ``finish`` compares the recording with what was sent, each sample at its own time.
    record, landed = await finish(app, up, call, 3)
    timeline = await app.timeline(call)
    for pause, span in zip(record["pauses"], timeline["pauses"], strict=True):
        assert pause.items() <= span.items()
        assert 0 <= span["start_ms"] < span["end_ms"] <= timeline["duration_ms"]
    silent_ms = sum(gap["end_ms"] - gap["start_ms"] for gap in timeline["tracks"][0]["gaps"])
    streamed_ms = sum(len(stream[None].pcm) // 32 for stream in landed)
    assert silent_ms == timeline["duration_ms"] - streamed_ms
    assert silent_ms > 1000, "a second at least, at a higher speed"
    await compare_export(app, call, timeline)
    for operation in ("pause", "resume"):
        status, problem, _ = await app.request("POST", f"{path}/{operation}")
        assert (status, problem["code"]) == (409, "call_ended")


async def compare_export(app: AppClient, call: str, timeline: Json) -> None:
    """Request a call's zip file, wait for it, and compare what is in it with the routes."""
    path = f"/api/v1/calls/{call}/export"
    responses: list[tuple[int, Any, dict[str, str]]] = []

    async def is_built() -> bool:
        # aiohttp follows the redirect to the link, which needs no key.
        responses.append(await app.request("GET", path, headers={"Range": "bytes=0-1"}))
        return responses[-1][0] != 202

    await until_async(is_built, 150)
    assert responses[0][0] == 202
    assert responses[-1][0] == 206
    content = await app.export(call)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.read("recording.wav") == await app.recording(call)
        assert json.loads(archive.read("timeline.json")) == timeline
        assert json.loads(archive.read("call.json")) == await app.show(call)
        manifests = [name for name in archive.namelist() if name.startswith("manifests/")]
        assert len(manifests) == 3


async def test_a_call_whose_announcement_is_not_required_is_recorded_without_it(
    app: AppClient, faults: aiohttp.ClientSession
) -> None:
    await faults.post("/emulator/faults", json={"play": "fail"})
    announcement = {"text": "This call is recorded.", "required": False}
    status, problem, _ = await app.request(
        "POST", "/api/v1/calls", PHONE | {"announcement": announcement}
    )
    assert (status, problem["errors"][0]["field"]) == (400, "announcement.text"), "no endpoint"
    endpoint = "https://my-speech.cognitiveservices.azure.com"
    record = await app.place_call(
        **PHONE, announcement=announcement, cognitive_services_endpoint=endpoint
    )
    call = record["call_connection_id"]
    record = await app.until(call, streaming_is("active"), "streaming starts")
    assert (record["announcement"]["policy"], record["announcement"]["state"]) == ("on", "failed")
    await app.hang_up(call)


async def test_streaming_that_starts_later_as_in_the_quickstart(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    record = await app.place_call(**USER, start_streaming=False)
    call = record["call_connection_id"]
    record = await app.until(call, state_is("connected"), "the call connects")
    assert record["streaming"]["state"] == "inactive"
    await app.streaming(call, "start")
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 192_000)
    await finish(app, up, call, 1)


async def test_an_idempotency_key_places_one_phone_call(
    app: AppClient, faults: aiohttp.ClientSession
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    async def create_calls() -> int:
        async with faults.get("/emulator/requests") as answer:
            requests = await answer.json()
            return int(requests.get("POST callConnections", 0))

    before = await create_calls()
    status, record, answered = await app.request("POST", "/api/v1/calls", PHONE, headers)
    assert status == 201
    assert answered["Location"] == f"/api/v1/calls/{record['call_connection_id']}"
    status, again, answered = await app.request("POST", "/api/v1/calls", PHONE, headers)
    assert status == 201
    assert answered["Idempotent-Replayed"] == "true"
    assert again["call_connection_id"] == record["call_connection_id"]
    assert await create_calls() == before + 1
    status, _problem, _ = await app.request(
        "POST", "/api/v1/calls", PHONE | {"channels": "unmixed"}, headers
    )
    assert status == 422
    await app.hang_up(record["call_connection_id"])


async def test_the_wrong_state_is_a_conflict(app: AppClient) -> None:
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    path = f"/api/v1/calls/{call}"
    status, problem, headers = await app.request("POST", path + "/streaming/start")
    assert (status, problem["detail"]) == (409, "the media streaming is active")
    assert headers["Content-Type"].startswith("application/problem+json")
    await app.streaming(call, "stop")
    assert (await app.request("POST", path + "/streaming/stop"))[0] == 409
    for operation in ("pause", "resume"):
        status, problem, _ = await app.request("POST", f"{path}/{operation}")
        assert (status, problem["code"]) == (409, "streaming_conflict")
    await app.hang_up(call)
    await app.until(call, state_is("disconnected"), "the call ends")
    for method, where in (
        ("POST", path + "/streaming/start"),
        ("POST", path + "/streaming/stop"),
    ):
        status, problem, _ = await app.request(method, where)
        assert (status, problem["detail"]) == (409, "the call has ended")
    await app.hang_up(call)


async def test_of_two_simultaneous_starts_one_reaches_acs(
    app: AppClient, faults: aiohttp.ClientSession
) -> None:
    call = (await app.place_call(**PHONE, start_streaming=False))["call_connection_id"]
    await app.until(call, state_is("connected"), "the call connects")
    path = f"/api/v1/calls/{call}/streaming/start"
    answers = await asyncio.gather(*(app.request("POST", path) for _ in range(4)))
    assert sorted(status for status, _, _ in answers) == [202, 409, 409, 409]
    await app.hang_up(call)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"to"}),
        ({"to": "+15551230000"}, {"from"}),
        ({"to": "12", "from": "x", "channels": "stereo", "sample_rate": 8000}, None),
        (PHONE | {"start_streaming": "yes", "colour": "blue"}, {"start_streaming", "colour"}),
        (PHONE | {"operation_context": 7}, {"operation_context"}),
        (
            PHONE | {"cognitive_services_endpoint": "https://169.254.169.254/"},
            {"cognitive_services_endpoint"},
        ),
    ],
)
async def test_all_faults_of_a_body_at_once(
    app: AppClient, body: Any, fields: set[str] | None
) -> None:
    status, problem, _ = await app.request("POST", "/api/v1/calls", body)
    assert status == 400
    named = {error["field"] for error in problem["errors"]}
    assert named == (fields or {"to", "from", "channels", "sample_rate"})


async def test_calls_are_listed_newest_first_in_pages(app: AppClient) -> None:
    placed = [(await app.place_call(**PHONE))["call_connection_id"] for _ in range(3)]
    found: list[str] = []
    path = "/api/v1/calls?limit=2"
    for _ in range(2):
        status, page, headers = await app.request("GET", path)
        assert status == 200
        found += [record["call_connection_id"] for record in page["calls"]]
        # The last page has no link.
        path = headers.get("Link", f"<{path}>").split(">")[0].lstrip("<")
    assert found[:3] == placed[::-1]
    assert (await app.request("GET", "/api/v1/calls?limit=0"))[0] == 400
    assert (await app.request("GET", "/api/v1/calls?cursor=%25"))[0] == 400
    for call in placed:
        await app.hang_up(call)


@pytest.mark.parametrize("call", ["nothing", "..%2Fx", "a.b", "%00", "x" * 200])
async def test_no_such_call(app: AppClient, call: str) -> None:
    for method, suffix in (("GET", ""), ("POST", "/hangup"), ("POST", "/streaming/stop")):
        status, problem, _ = await app.request(method, f"/api/v1/calls/{call}{suffix}")
        assert status == 404, problem


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "allowed"),
    [
        ("GET", "/api/v1/nothing", 404, "route_not_found", None),
        ("GET", "/api/v1", 404, "route_not_found", None),
        ("PUT", "/api/v1/calls/a-call", 405, "method_not_allowed", "DELETE, GET, PATCH"),
        ("PATCH", "/api/v1/calls", 405, "method_not_allowed", "GET, POST"),
        ("GET", "/api/v1/callbacks", 405, "method_not_allowed", "POST"),
    ],
)
async def test_an_unknown_route_or_method_is_a_problem_for_holders_of_a_key(
    app: AppClient, up: Up, method: str, path: str, status: int, code: str, allowed: str | None
) -> None:
    answered, problem, headers = await app.request(method, path)
    assert (answered, problem["code"], headers.get("Allow")) == (status, code, allowed)
    assert headers["Content-Type"].startswith("application/problem+json")
    async with AppClient(up.addresses.app, "wrong") as stranger:
        answered, problem, headers = await stranger.request(method, path)
    assert (answered, problem, headers.get("Allow")) == (401, None, None)


async def test_a_wrong_function_key_is_refused(up: Up) -> None:
    for key in ("", "wrong"):
        async with AppClient(up.addresses.app, key) as stranger:
            for method, path in (("GET", "/api/v1/calls"), ("POST", "/api/v1/calls")):
                assert (await stranger.request(method, path, {}))[0] == 401
            assert (await stranger.request("GET", "/api/v1/health"))[0] == 200


@pytest.mark.parametrize(
    "fault",
    [
        "none",
        "alg_none",
        "hs256_with_public_key",
        "wrong_key",
        "unknown_kid",
        "expired",
        "not_yet_valid",
        "wrong_issuer",
        "wrong_audience",
        "missing_claim",
    ],
)
async def test_forged_tokens_open_neither_entrance(
    app: AppClient, up: Up, faults: aiohttp.ClientSession, fault: str
) -> None:
    forged = {"media_token": fault, "callback_token": fault}
    async with faults.post("/emulator/faults", json=forged) as answer:
        assert answer.status == 200
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await asyncio.sleep(1)
    record = await app.show(call)
    assert record["state"] == "connecting", "no forged callback event was taken"
    assert record.get("events", []) == []
    assert await verify.fetch_sent(up.addresses.acs_endpoint, call) == []


async def test_events_twice_and_a_cut_socket_lose_nothing_that_arrived(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    """The call goes on in a second stream, and what was delivered before the cut has landed."""
    await faults.post("/emulator/faults", json={"cut_after_ticks": 100, "repeat_events": True})
    call = (await app.place_call(**PHONE))["call_connection_id"]

    async def has_two_streams() -> bool:
        return len(await verify.fetch_sent(up.addresses.acs_endpoint, call)) == 2

    await until_async(has_two_streams)
    await wait_for_audio(faults, call, 64_000)
    await app.hang_up(call)
    record = await app.until(call, lambda r: is_assembled(r, 2), "two streams")
    ids = [event["id"] for event in record["events"]]
    assert len(ids) == len(set(ids))
    sent = await verify.fetch_sent(up.addresses.acs_endpoint, call)
    landed = await verify.fetch_uploaded(up.addresses.storage_connection_string, call)
    assert len(sent) == len(landed) == 2
    for there, here in zip(sent, landed, strict=True):
        assert there[None].pcm.startswith(here[None].pcm)
    assert verify.compare(sent[1:], landed[1:])


async def test_faults_on_the_way_leave_silence_and_are_counted(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    misbehave = {"drop": 0.05, "repeat": 0.05, "delay": 0.05, "kind_case": True, "fragments": 3}
    await faults.post("/emulator/faults", json=misbehave)
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    # 15 s of audio: of so many frames, always the same ones are dropped, repeated and delayed.
    await wait_for_audio(faults, call, 480_000)
    await app.hang_up(call)
    record = await app.until(call, lambda r: is_assembled(r, 1), "the result")
    (sent,) = await verify.fetch_sent(up.addresses.acs_endpoint, call)
    (landed,) = await verify.fetch_uploaded(up.addresses.storage_connection_string, call)
    there, here = sent[None].pcm, landed[None].pcm
    offset = round((landed[None].start - sent[None].start).total_seconds() * 16_000) * 2
    same = silent = elsewhere = 0
    for at in range(0, len(here), 640):
        frame = here[at : at + 640]
        if frame == there[offset + at : offset + at + 640]:
            same += 1
        elif frame == bytes(640):
            silent += 1
        else:
            # A gap may begin or end within a frame of this grid.
            assert frame.strip(b"\0") in there, "nothing is changed"
            elsewhere += 1
    counts = record["streams"][0]["counts"]
    assert counts["repeated"] > 0
    assert silent < 0.08 * (same + silent), "only what was dropped is missing, and nothing delayed"
    assert silent * 320 <= counts["filled_samples"]
    assert same > 10 * silent
    # A late frame whose room another one has taken lies where it arrived: more where the emulator
    # itself comes late.
    assert elsewhere <= 0.05 * same


async def test_an_incoming_call_is_answered_as_calls_are_placed(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    ring = await simulate_incoming_call(faults, **PHONE)
    call = ring["call_connection_id"]
    record = await app.until(call, streaming_is("active"), "streaming starts")
    assert (record["direction"], record["from"]) == ("incoming", PHONE["from"])
    await wait_for_audio(faults, call, 192_000)
    _, landed = await finish(app, up, call, 1)
    assert set(landed[0]) == {None}


async def test_no_response_is_stored_or_guessed_at(app: AppClient) -> None:
    call = (await app.place_call(**PHONE, start_streaming=False))["call_connection_id"]
    await app.until(call, state_is("connected"), "the call connects")
    await app.hang_up(call)
    await app.until(call, state_is("disconnected"), "the call ends")
    for path, status, cached in (
        ("/api/v1/calls", 200, "no-store"),
        (f"/api/v1/calls/{call}", 200, "no-store"),
        ("/api/v1/calls?colour=blue", 400, "no-store"),
        ("/api/v1/nothing", 404, "no-store"),
        ("/api/v1/health", 200, "no-store"),
        ("/api/v1/openapi.json", 200, "no-cache"),
        ("/api/console", 200, "no-cache"),
        ("/api/console/nothing.js", 404, "no-cache"),
    ):
        answered, _, headers = await app.request("GET", path)
        assert answered == status, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Cache-Control"] == cached, path
    for path in (f"/api/v1/calls/{call}", "/api/v1/openapi.json"):
        await until_async(partial(is_unchanged, app, path))


async def is_unchanged(app: AppClient, path: str) -> bool:
    """Whether a document is not sent again; that of a call may just have changed."""
    _, _, headers = await app.request("GET", path)
    # Clients may write its name in another case.
    (etag,) = [value for name, value in headers.items() if name.lower() == "etag"]
    tag = {"If-None-Match": f'"other", W/{etag}'}
    status, document, _ = await app.request("GET", path, headers=tag)
    return (status, document) == (304, None)


async def test_what_only_storage_needs_is_not_shown(app: AppClient) -> None:
    placed = await app.place_call(**PHONE, start_streaming=False)
    shown = await app.show(placed["call_connection_id"])
    _, page, _ = await app.request("GET", "/api/v1/calls?limit=1")
    for document in (placed, shown, page["calls"][0]):
        assert not document.keys() & {"schema", "requests", "finalized", "origin_known"}
    await app.hang_up(placed["call_connection_id"])
