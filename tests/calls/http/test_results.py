"""A call's audio and timeline over HTTP: ranges, so that players can seek."""

from __future__ import annotations

from typing import Any

import azure.functions as func
import msgspec
import pytest

from calls import media, ranges, store
from calls.http.respond import Handler
from contract import names, wav
from tests.calls.conftest import Landing
from tests.calls.made import BEGUN, MadeStream, new_call, noise


async def ask(
    landing: Landing,
    handler: Handler,
    call: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **route: str,
) -> func.HttpResponse:
    request = func.HttpRequest(
        method, "/", headers=headers or {}, route_params={"id": call, **route}, body=b""
    )
    return await respond.respond_with(handler, lambda: landing.clients, request)


def document(response: func.HttpResponse) -> Any:
    return msgspec.json.decode(response.get_body())


async def known(landing: Landing, call: str) -> None:
    """A record of the call."""
    await store.change_record(landing.clients.storage, call, lambda _: True, create_at=BEGUN)


async def test_the_recording_in_parts(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {None: noise(16_000 * 150)}, segment_seconds=50)
    await landing.all(stream)
    whole = wav.header(16_000, len(stream.pcm[None])) + stream.pcm[None]
    head = await ask(landing, results.send_recording, call, "HEAD")
    assert (head.status_code, head.get_body()) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole))
    assert (head.headers["Accept-Ranges"], head.mimetype) == ("bytes", "audio/wav")

    got = b""
    while len(got) < len(whole):
        part = await ask(
            landing, results.send_recording, call, headers={"Range": f"bytes={len(got)}-"}
        )
        assert part.status_code == 206
        body = part.get_body()
        last = len(got) + len(body) - 1
        assert part.headers["Content-Range"] == f"bytes {len(got)}-{last}/{len(whole)}"
        assert len(body) <= ranges.MAX_BYTES
        got += body
    assert got == whole
    asked = {"Range": "bytes=-10"}
    assert (await ask(landing, results.send_recording, call, headers=asked)).get_body() == whole[
        -10:
    ]
    full = await ask(landing, results.send_recording, call)
    assert (full.status_code, full.get_body()) == (200, whole)

    etag = full.headers["ETag"]
    old = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert (await ask(landing, results.send_recording, call, headers=old)).status_code == 200
    same = {"Range": "bytes=0-9", "If-Range": etag}
    assert (await ask(landing, results.send_recording, call, headers=same)).status_code == 206
    cached = {"If-None-Match": etag}
    assert (await ask(landing, results.send_recording, call, headers=cached)).status_code == 304
    beyond = await ask(
        landing, results.send_recording, call, headers={"Range": f"bytes={len(whole)}-"}
    )
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole)}"


async def test_what_is_too_long_is_sent_in_ranges_only(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MOST_WHOLE_BYTES", 1000)
    call = new_call()
    await landing.all(MadeStream(call, {None: noise(16_000)}))
    whole = await ask(landing, results.send_recording, call)
    assert (whole.status_code, document(whole)["code"]) == (413, "ask_for_ranges")
    part = await ask(landing, results.send_recording, call, headers={"Range": "bytes=0-"})
    assert part.status_code == 206


async def test_a_call_that_is_not_put_together_is_not_ready(landing: Landing) -> None:
    call = new_call()
    for handler in (results.send_recording, results.show_timeline):
        unknown = await ask(landing, handler, call)
        assert (unknown.status_code, "code" in document(unknown)) == (404, False)
    await known(landing, call)
    for handler in (results.send_recording, results.show_timeline):
        waiting = await ask(landing, handler, call)
        assert (waiting.status_code, document(waiting)["code"]) == (404, "not_ready")


async def test_the_timeline_has_the_contracts_members(landing: Landing) -> None:
    call = new_call()
    await landing.all(MadeStream(call, {"4:+1": noise(16_000)}))
    shown = document(await ask(landing, results.show_timeline, call))
    assert {
        "schema",
        "call_connection_id",
        "started_at",
        "duration_ms",
        "partial",
        "tracks",
        "overlaps",
        "longest_silence",
        "interruptions",
        "missing_segments",
    } <= shown.keys()
    (track,) = shown["tracks"]
    assert track["participant"] == "4:+1"
    assert track["waveform"]["window_ms"] == 100
    assert len(track["waveform"]["peaks"]) == 10
    assert all(0 < peak <= 1 for peak in track["waveform"]["peaks"])


async def test_a_segment_by_track_and_number(landing: Landing) -> None:
    call = new_call()
    stream = MadeStream(call, {"4:+1": noise(20_000), "4:+2": noise(20_000)}, segment_seconds=1)
    await landing.upload(stream)
    track = names.track_name("4:+2")
    second = await ask(landing, results.send_segment, call, track=track, index="1")
    assert second.status_code == 200
    assert wav.samples(second.get_body()) == stream.pcm["4:+2"][32_000:]
    part = await ask(
        landing, results.send_segment, call, headers={"Range": "bytes=0-3"}, track=track, index="0"
    )
    assert (part.status_code, part.get_body()) == (206, b"RIFF")
    for index in ("2", "-1", "x", "", "٣"):
        wrong = await ask(landing, results.send_segment, call, track=track, index=index)
        assert wrong.status_code == 404, index
    unknown = await ask(landing, results.send_segment, call, track="../x", index="0")
    assert unknown.status_code == 404
