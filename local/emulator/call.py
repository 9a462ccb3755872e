"""One emulated call: its state, its media stream, and the callback events that tell of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from acs.media import SAMPLE_RATES
from local.emulator import audio
from local.emulator.faults import Faults
from local.emulator.stream import CallClock, MediaStream, Sent, StreamFailed

_log = logging.getLogger(__name__)
_RECONNECT_SECONDS = 0.3

Post = Callable[[str, list[dict[str, Any]], Faults], Awaitable[None]]
Sign = Callable[[Faults], str | None]


class MediaStreamingOptions(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``mediaStreamingOptions`` of a create or answer request."""

    transport_url: str
    transport_type: str
    content_type: str
    audio_channel_type: str
    start_media_streaming: bool = False
    audio_format: str = "pcm16KMono"
    enable_bidirectional: bool = False
    enable_dtmf_tones: bool = False


class Refused(Exception):
    """Raised when ACS would refuse: HTTP status, ACS's subcode and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Call:
    """A call between two participants, both spoken by files."""

    def __init__(
        self,
        *,
        participants: list[dict[str, Any]],
        callback_uri: str,
        operation_context: str | None,
        streaming: MediaStreamingOptions | None,
        speed: float,
        faults: Faults,
        post: Post,
        sign: Sign,
        answer_seconds: float,
        hang_up_at_end: bool,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.server_call_id = uuid.uuid4().hex
        self.correlation_id = str(uuid.uuid4())
        self.state = "connecting"
        self.participants = participants
        self.callback_uri = callback_uri
        self.operation_context = operation_context
        self.streaming = streaming
        self.faults = faults
        self.sent: list[Sent] = []
        self._post = post
        self._sign = sign
        self._speed = speed
        self._answer_seconds = answer_seconds
        self._hang_up_at_end = hang_up_at_end
        self._clock: CallClock | None = None
        self._stream: MediaStream | None = None
        self._starting = False
        self._sequence = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # What the REST calls ask for.

    def begin(self) -> None:
        """Connect, after the time that it takes to answer."""
        self._spawn(self._connect())

    def start_streaming(self, callback_uri: str | None, context: str | None) -> None:
        """Open a stream. Raises Refused."""
        self._must_be_connected()
        if self.streaming is None:
            raise Refused(
                412, "8583", "Media streaming was not configured when the call was placed."
            )
        if self._stream is not None or self._starting:
            raise Refused(409, "8585", "Media streaming is already started.")
        self._starting = True
        self._spawn(self._start(callback_uri, context))

    def stop_streaming(self, callback_uri: str | None, context: str | None) -> None:
        """Stop the stream. Raises Refused."""
        self._must_be_connected()
        if self._stream is None:
            raise Refused(409, "8585", "Media streaming is not started.")
        stream, self._stream = self._stream, None
        self._spawn(self._stop(stream, callback_uri, context))

    async def hang_up(self) -> None:
        """End the call for everyone."""
        if self.state == "disconnected":
            raise Refused(404, "8522", "Call not found.")
        self.state = "disconnected"
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
            await self._event("MediaStreamingStopped", **_update("Stopped", "subscriptionStopped"))
        result = {"code": 200, "subCode": 7000, "message": "The conversation has ended."}
        await self._event("CallDisconnected", resultInformation=result)

    async def end(self) -> None:
        """The emulator stops: leave nothing running."""
        for task in self._tasks:
            task.cancel()
        if self._stream is not None:
            await self._stream.close()

    def properties(self) -> dict[str, Any]:
        """CallConnectionProperties, as the REST calls answer."""
        properties: dict[str, Any] = {
            "callConnectionId": self.id,
            "serverCallId": self.server_call_id,
            "correlationId": self.correlation_id,
            "targets": [self.participants[-1]],
            "callConnectionState": self.state,
            "callbackUri": self.callback_uri,
        }
        if self.streaming is not None:
            properties["mediaStreamingSubscription"] = {
                "id": self.correlation_id,
                "state": "active" if self._stream is not None else "inactive",
                "subscribedContentTypes": ["audio"],
            }
        return properties

    def _must_be_connected(self) -> None:
        if self.state == "disconnected":
            raise Refused(404, "8522", "Call not found.")
        if self.state != "connected":
            raise Refused(409, "8501", "The call is not established.")

    # What then happens.

    async def _connect(self) -> None:
        await asyncio.sleep(self._answer_seconds)
        if self.state == "disconnected":
            return
        self._clock = CallClock(datetime.now(UTC), self._speed)
        self.state = "connected"
        if self.streaming is not None and self.streaming.start_media_streaming:
            # In real logs, too, the socket opens before CallConnected is delivered.
            self._starting = True
            await self._start(None, self.operation_context)
        result = {"code": 200, "subCode": 0, "message": ""}
        await self._event("CallConnected", resultInformation=result)
        self._sequence += 1
        await self._event(
            "ParticipantsUpdated",
            participants=[
                {"identifier": p, "isMuted": False, "isOnHold": False} for p in self.participants
            ],
            sequenceNumber=self._sequence,
        )
        if self._hang_up_at_end:
            length = self._audio().ticks * 0.02 / self._speed
            await asyncio.sleep(length + 0.5)
            with contextlib.suppress(Refused):
                await self.hang_up()

    def _audio(self) -> audio.CallAudio:
        rate = SAMPLE_RATES[self.streaming.audio_format if self.streaming else "pcm16KMono"]
        return audio.conversation([p["rawId"] for p in self.participants], rate)

    async def _start(self, callback_uri: str | None, context: str | None) -> None:
        try:
            self._stream = await self._open()
        except StreamFailed as failed:
            _log.warning("call %s: the media socket cannot be opened: %s", self.id, failed)
            message = "Action failed, Transport url is not valid or web socket server is not "
            result = {"code": 400, "subCode": 8581, "message": message + "operational."}
            await self._event(
                "MediaStreamingFailed",
                callback_uri,
                context,
                resultInformation=result,
                **_update("Failed", "initialWebSocketConnectionFailed"),
            )
            return
        finally:
            self._starting = False
        await self._event(
            "MediaStreamingStarted",
            callback_uri,
            context,
            **_update("Started", "subscriptionStarted"),
        )

    async def _open(self) -> MediaStream:
        assert self.streaming is not None and self._clock is not None
        stream = MediaStream(
            self.streaming.transport_url,
            self._audio(),
            self._clock,
            unmixed=self.streaming.audio_channel_type == "unmixed",
            faults=self.faults,
        )
        headers = {
            "x-ms-call-connection-id": self.id,
            "x-ms-call-correlation-id": self.correlation_id,
        }
        authorization = self._sign(self.faults)
        if authorization is not None:
            headers["Authorization"] = authorization
        await stream.open(headers)
        self.sent.append(stream.sent)
        stream.begin(lambda cut: self._spawn(self._lost(stream)))
        return stream

    async def _lost(self, stream: MediaStream) -> None:
        """The socket is gone though nobody stopped it: ACS opens another one."""
        if self._stream is not stream or self.state != "connected":
            return
        self._stream = None
        if not self.faults.reconnect:
            return
        await asyncio.sleep(_RECONNECT_SECONDS)
        # A fault that cut one socket must not cut the next one too.
        self.faults = msgspec.structs.replace(self.faults, cut_after_ticks=None)
        with contextlib.suppress(StreamFailed):
            self._stream = await self._open()
        details = "Reestablished" if self._stream is not None else "Interrupted"
        name = "Started" if self._stream is not None else "Failed"
        await self._event(f"MediaStreaming{name}", **_update(name, f"streamConnection{details}"))

    async def _stop(
        self, stream: MediaStream, callback_uri: str | None, context: str | None
    ) -> None:
        await stream.stop()
        await self._event(
            "MediaStreamingStopped",
            callback_uri,
            context,
            **_update("Stopped", "subscriptionStopped"),
        )

    async def _event(
        self,
        name: str,
        callback_uri: str | None = None,
        context: str | None = None,
        **data: Any,
    ) -> None:
        source = f"calling/callConnections/{self.id}"
        kind = f"Microsoft.Communication.{name}"
        event = {
            "id": str(uuid.uuid4()),
            "source": source,
            "type": kind,
            "data": {
                "eventSource": source,
                "operationContext": context or self.operation_context,
                "resultInformation": {"code": 200, "subCode": 0, "message": "Action completed."},
                **data,
                "version": "2025-05-15",
                "callConnectionId": self.id,
                "serverCallId": self.server_call_id,
                "correlationId": self.correlation_id,
                "publicEventType": kind,
            },
            # Seven digits, as on the wire.
            "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+", "0+"),
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "subject": source,
        }
        await self._post(callback_uri or self.callback_uri, [event], self.faults)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("call %s: %r", self.id, task.exception(), exc_info=task.exception())


def _update(status: str, details: str) -> dict[str, Any]:
    return {
        "mediaStreamingUpdate": {
            "contentType": "Audio",
            "mediaStreamingStatus": f"mediaStreaming{status}",
            "mediaStreamingStatusDetails": details,
        }
    }
