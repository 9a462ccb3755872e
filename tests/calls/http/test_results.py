"""A call's timeline, recording and segments over HTTP."""

from __future__ import annotations

import io

import aiohttp
import soundfile

from calls.http import ranges, results
from contract import wav
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader


async def test_the_recording_in_ranges(uploader: StreamUploader) -> None:
    """So that players can seek."""
    clients, call = uploader.clients, new_call_id()
    stream = SampleStream(call, {None: noise(16_000 * 150)}, segment_seconds=50)
    await uploader.process(stream)
    recording = wav.header(16_000, len(stream.pcm[None])) + stream.pcm[None]
    head = await send_request(clients, results.send_recording, "HEAD", id=call)
    assert (head.status_code, head.get_body()) == (200, b"")
    assert head.headers["Content-Length"] == str(len(recording))
    assert (head.headers["Accept-Ranges"], head.mimetype) == ("bytes", "audio/wav")

    content = b""
    while len(content) < len(recording):
        headers = {"Range": f"bytes={len(content)}-{len(content) + ranges.MAX_BYTES - 1}"}
        part = await send_request(clients, results.send_recording, headers=headers, id=call)
        assert part.status_code == 206
        body = part.get_body()
        last = len(content) + len(body) - 1
        assert part.headers["Content-Range"] == f"bytes {len(content)}-{last}/{len(recording)}"
        content += body
    assert content == recording
    end = await send_request(
        clients, results.send_recording, headers={"Range": "bytes=-10"}, id=call
    )
    assert end.get_body() == recording[-10:]
    beyond = await send_request(
        clients, results.send_recording, headers={"Range": f"bytes={len(recording)}-"}, id=call
    )
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(recording)}"


async def test_the_whole_recording_is_sent_by_blob_storage(uploader: StreamUploader) -> None:
    """Also a short one: whoever follows its redirect can get a long one, too."""
    call = new_call_id()
    stream = SampleStream(call, {None: noise(1600)})
    await uploader.process(stream)
    response = await send_request(uploader.clients, results.send_recording, id=call)
    assert response.status_code == 307
    async with (
        aiohttp.ClientSession() as session,
        session.get(response.headers["Location"]) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.headers["Content-Disposition"] == f'inline; filename="{call}.wav"'
        assert wav.samples(await answer.read()) == stream.pcm[None]


async def test_a_rendition_is_sent_by_blob_storage(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    pcm = {"4:+1": noise(16_000), "4:+2": noise(16_000, 2)}
    await uploader.process(SampleStream(call, pcm))

    async def fetch(**params: str) -> tuple[str, str, bytes]:
        response = await send_request(clients, results.send_recording, params=params, id=call)
        assert response.status_code == 307
        async with (
            aiohttp.ClientSession() as session,
            session.get(response.headers["Location"]) as answer,
        ):
            disposition = answer.headers["Content-Disposition"]
            return answer.headers["Content-Type"], disposition, await answer.read()

    media_type, disposition, file = await fetch(format="mp3")
    assert (media_type, disposition) == ("audio/mpeg", f'inline; filename="{call}.mp3"')
    assert soundfile.info(io.BytesIO(file)).channels == 2
    media_type, disposition, file = await fetch(format="wav", mix="mono")
    assert (media_type, disposition) == ("audio/wav", f'inline; filename="{call}-mono.wav"')
    assert wav.parse(file).channels == 1
    _, disposition, file = await fetch(format="wav")
    assert disposition == f'inline; filename="{call}.wav"'
    assert wav.parse(file).channels == 2
    part = await send_request(
        clients,
        results.send_recording,
        headers={"Range": "bytes=0-3"},
        params={"format": "flac"},
        id=call,
    )
    assert (part.status_code, part.get_body(), part.mimetype) == (206, b"fLaC", "audio/flac")


async def test_an_unknown_format_or_mix_is_refused(uploader: StreamUploader) -> None:
    for parameter in ("format", "mix"):
        response = await send_request(
            uploader.clients, results.send_recording, params={parameter: "x"}, id=new_call_id()
        )
        assert response.status_code == 400
        (error,) = decode_body(response)["errors"]
        assert error["field"] == parameter
        assert error["message"].startswith("must be ")


async def test_the_timeline_has_its_documented_members(uploader: StreamUploader) -> None:
    call = new_call_id()
    await uploader.process(SampleStream(call, {"4:+1": noise(16_000)}))
    response = await send_request(uploader.clients, results.show_timeline, id=call)
    timeline = decode_body(response)
    assert {
        "call_connection_id",
        "started_at",
        "duration_ms",
        "partial",
        "tracks",
        "overlaps",
        "longest_silence",
        "interruptions",
        "missing_segments",
    } <= timeline.keys()
    (track,) = timeline["tracks"]
    assert track["participant"] == "4:+1"
    assert track["waveform"]["window_ms"] == 100
    assert len(track["waveform"]["peaks"]) == 10
    assert all(0 < peak <= 1 for peak in track["waveform"]["peaks"])


async def test_a_segment_by_track_and_index(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    stream = SampleStream(call, {"4:+1": noise(20_000), "4:+2": noise(20_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    track = stream.tracks["4:+2"]
    second = await send_request(clients, results.send_segment, id=call, track=track, index="1")
    assert (second.status_code, second.mimetype) == (200, "audio/wav")
    assert wav.samples(second.get_body()) == stream.pcm["4:+2"][32_000:]
    part = await send_request(
        clients,
        results.send_segment,
        headers={"Range": "bytes=0-3"},
        id=call,
        track=track,
        index="0",
    )
    assert (part.status_code, part.get_body()) == (206, b"RIFF")
    for index in ("2", "-1", "x", "", "٣"):
        wrong = await send_request(clients, results.send_segment, id=call, track=track, index=index)
        assert wrong.status_code == 404, index
        assert "has 2 segments, numbered from 0" in decode_body(wrong)["detail"]
    unknown = await send_request(clients, results.send_segment, id=call, track="../x", index="0")
    assert unknown.status_code == 404


async def test_a_long_segment_is_redirected(uploader: StreamUploader) -> None:
    call = new_call_id()
    seconds = ranges.MAX_BYTES // 32_000 + 1
    stream = SampleStream(call, {None: bytes(32_000 * seconds)}, segment_seconds=seconds)
    await uploader.upload_segments(stream)
    clients = uploader.clients
    whole = await send_request(clients, results.send_segment, id=call, track="mixed", index="0")
    assert (whole.status_code, whole.get_body()) == (307, b"")
    part = await send_request(
        clients,
        results.send_segment,
        id=call,
        track="mixed",
        index="0",
        headers={"Range": f"bytes=0-{ranges.MAX_BYTES - 1}"},
    )
    assert (part.status_code, len(part.get_body())) == (206, ranges.MAX_BYTES)
