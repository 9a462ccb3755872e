"""A call's states and events, without its REST calls and without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local.emulator.call import Call
from local.emulator.errors import AcsError
from local.emulator.faults import Faults
from local.emulator.requests import MediaStreamingOptions, communication_identifier

# Nothing listens there.
STREAMING = MediaStreamingOptions(
    transport_url="ws://127.0.0.1:9/",
    transport_type="websocket",
    content_type="audio",
    audio_channel_type="mixed",
    start_media_streaming=True,
)


class Events:
    """The events that a call has posted."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def post(self, url: str, events: list[dict[str, Any]], faults: Faults) -> None:
        for event in events:
            self._queue.put_nowait(event)

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._queue.get(), 60)


def make_call(events: Events, streaming: MediaStreamingOptions | None = None) -> Call:
    return Call(
        participants=[communication_identifier("8:acs:a_b"), communication_identifier("4:+1555")],
        callback_uri="http://callbacks.example/",
        operation_context="context",
        streaming=streaming,
        speed=1.0,
        faults=Faults(),
        post_events=events.post,
        sign_handshake=lambda _: None,
        answer_seconds=0.0,
        hang_up_at_end=False,
    )


async def test_a_call_connects_and_ends() -> None:
    events = Events()
    call = make_call(events)
    assert call.properties()["callConnectionState"] == "connecting"
    with pytest.raises(AcsError, match="not established"):
        call.start_streaming(None, None)
    call.begin()
    connected, participants = await events.next(), await events.next()
    assert connected["type"] == "Microsoft.Communication.CallConnected"
    assert connected["data"]["operationContext"] == "context"
    assert connected["data"]["callConnectionId"] == call.id
    assert len(participants["data"]["participants"]) == 2
    with pytest.raises(AcsError, match="not configured"):
        call.start_streaming(None, None)
    with pytest.raises(AcsError, match="not started"):
        call.stop_streaming(None, None)
    await call.hang_up()
    assert (await events.next())["type"] == "Microsoft.Communication.CallDisconnected"
    with pytest.raises(AcsError) as error:
        await call.hang_up()
    assert (error.value.status, error.value.code) == (404, "8522")
    await call.end()


async def test_a_socket_that_cannot_be_opened_fails_the_streaming_and_not_the_call() -> None:
    events = Events()
    call = make_call(events, STREAMING)
    call.begin()
    failed, connected = await events.next(), await events.next()
    assert failed["type"] == "Microsoft.Communication.MediaStreamingFailed"
    assert failed["data"]["resultInformation"]["subCode"] == 8581
    details = failed["data"]["mediaStreamingUpdate"]["mediaStreamingStatusDetails"]
    assert details == "initialWebSocketConnectionFailed"
    assert connected["type"] == "Microsoft.Communication.CallConnected"
    assert call.properties()["mediaStreamingSubscription"]["state"] == "inactive"
    await call.end()


async def test_a_participant_joins() -> None:
    events = Events()
    call = make_call(events)
    with pytest.raises(AcsError, match="not established"):
        await call.add_participant("8:acs:late")
    call.begin()
    await events.next()
    first = await events.next()
    await call.add_participant("8:acs:late")
    second = await events.next()
    assert second["type"] == first["type"] == "Microsoft.Communication.ParticipantsUpdated"
    numbers = [event["data"]["sequenceNumber"] for event in (first, second)]
    assert numbers[0] < numbers[1]
    raw_ids = [p["identifier"]["rawId"] for p in second["data"]["participants"]]
    assert raw_ids == ["8:acs:a_b", "4:+1555", "8:acs:late"]
    await call.end()
