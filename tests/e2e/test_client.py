"""The Python client, sync and async, makes whole calls on the running system."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from callaudio import (
    AsyncClient,
    CallDetails,
    Client,
    CreateLinks,
    DisplayNames,
    PauseCall,
    PlaceCall,
    ProblemError,
    Progress,
    requests,
)

from local.up import Up

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "+15551230000"
WAIT_SECONDS = 120.0


async def test_a_whole_call(up: Up, tmp_path: Path) -> None:
    async with AsyncClient(up.addresses.app, up.addresses.function_key) as client:
        names = DisplayNames.from_dict({NUMBER: "Robin Ray"})
        body = PlaceCall(to=NUMBER, from_="+15559990000", channels="unmixed", names=names)
        call = (await client.place_call(body=body)).call_connection_id
        await _until(client, call, "active")
        await client.pause_call(call, body=PauseCall(reason="card payment"))
        await _until(client, call, "inactive")
        await client.resume_call(call)
        await _until(client, call, "active")
        await client.hang_up(call)

        states: list[str] = []
        ended = await client.wait_until_final(
            call,
            on_change=lambda c: states.append(c.result_state),
            timeout=WAIT_SECONDS,
            interval=0.2,
        )
        assert states[-1] == ended.result_state == "final"
        assert [pause.reason for pause in ended.pauses] == ["card payment"]
        assert ended.names["4:" + NUMBER] == "Robin Ray"
        assert ended.streams[0].segments[0].start.tzinfo is not None
        assert ended.summary is not None

        progress: list[Progress] = []
        path = await client.download(
            requests.recording(call), tmp_path / "call.wav", progress.append
        )
        assert path.stat().st_size == ended.summary.recording_bytes == progress[-1].done
        await client.download(requests.recording(call, format_="mp3"), tmp_path / "call.mp3")
        await client.download(requests.segment(call, "p1", 0), tmp_path / "segment.wav")
        await client.download(requests.timeline(call), tmp_path / "timeline.json")
        timeline = await client.show_timeline(call)
        assert [track.track for track in timeline.tracks] == ["p1", "p2"]
        links = await client.create_links(call, body=CreateLinks())
        assert f"recordings/{call}" in " ".join(link.blob for link in links.links)
        assert call in [c.call_connection_id async for c in client.iterate_calls(limit=50)]
        with pytest.raises(ProblemError) as raised:
            await client.pause_call(call)
        assert (raised.value.status, raised.value.code) == (409, "call_ended")
        assert (await client.show_me()).roles == ["Admin"]


async def test_the_synchronous_client_does_the_same(up: Up, tmp_path: Path) -> None:
    def use() -> CallDetails:
        with Client(up.addresses.app, up.addresses.function_key) as client:
            with pytest.raises(ProblemError, match="; to: ") as raised:
                client.place_call(body=PlaceCall(to="12"))
            assert raised.value.problem is not None
            call = client.place_call(
                body=PlaceCall(to=NUMBER, from_="+15559990000"), idempotency_key="sync-client"
            )
            again = client.place_call(
                body=PlaceCall(to=NUMBER, from_="+15559990000"), idempotency_key="sync-client"
            )
            assert again.call_connection_id == call.call_connection_id
            started = client.wait_until_final(
                call.call_connection_id,
                timeout=WAIT_SECONDS,
                on_change=lambda c: _hang_up_once_streamed(client, c),
                interval=0.2,
            )
            part = tmp_path / "call.wav.part"
            # As if a download had ended early: the rest is appended to it.
            client.download(requests.recording(call.call_connection_id), tmp_path / "whole.wav")
            whole = (tmp_path / "whole.wav").read_bytes()
            etag = client._send(
                {"method": "HEAD", "url": f"/api/v1/calls/{call.call_connection_id}/recording"}
            ).headers["ETag"]
            part.write_bytes(whole[:1000])
            part.with_name(part.name + ".etag").write_text(etag)
            progress: list[Progress] = []
            client.download(
                requests.recording(call.call_connection_id), tmp_path / "call.wav", progress.append
            )
            assert progress[0] == Progress(1000, len(whole))
            assert (tmp_path / "call.wav").read_bytes() == whole
            return started

    assert (await asyncio.to_thread(use)).result_state == "final"


async def _until(client: AsyncClient, call: str, streaming: str) -> None:
    for _ in range(600):
        if (await client.show_call(call)).streaming.state == streaming:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"the streaming is never {streaming}")


def _hang_up_once_streamed(client: Client, call: CallDetails) -> None:
    if call.streaming.state == "active" and call.landed_segments:
        client.hang_up(call.call_connection_id)
