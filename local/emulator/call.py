"""One emulated call: its state, its media stream and its callback events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from event_log import log_event
from local.emulator import audio
from local.emulator.clock import CallClock
from local.emulator.errors import AcsError, call_not_found
from local.emulator.faults import Faults
from local.emulator.prompts import Prompts
from local.emulator.requests import MediaStreamingOptions, PlayRequest, communication_identifier
from local.emulator.stream import MediaStream, SentAudio, StreamError

_log = logging.getLogger(__name__)
_RECONNECT_SECONDS = 0.3
_LAST_FRAMES_SECONDS = 0.5
_DEFAULT_RATE = 16_000

PostEvents = Callable[[str, list[dict[str, Any]], Faults], Awaitable[None]]
"""Posts callback events to a URL, under a call's faults."""

SignHandshake = Callable[[Faults], str | None]
"""Returns the ``Authorization`` header of a media handshake; None to send none."""


class Call:
    """A call whose audio comes from files, one for each participant in order.

    The first participant calls the second one. Without files they speak the conversation of
    ``local/conversation``. ``sent`` has the audio of each socket in turn; ``requests`` has the REST
    requests for the call, as ``{"operation": ..., "body": ...}``.
    """

    def __init__(  # noqa: PLR0913  # all by keyword
        self,
        *,
        participants: list[dict[str, Any]],
        callback_uri: str,
        operation_context: str | None,
        streaming: MediaStreamingOptions | None,
        speed: float,
        faults: Faults,
        post_events: PostEvents,
        sign_handshake: SignHandshake,
        answer_seconds: float,
        hang_up_at_end: bool,
        audio_files: Sequence[Path] = (),
        prompt_folder: Path | None = None,
        has_speech: bool = False,
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
        self.sent: list[SentAudio] = []
        self.requests: list[dict[str, Any]] = []
        self._post_events = post_events
        self._sign_handshake = sign_handshake
        self._speed = speed
        self._answer_seconds = answer_seconds
        self._hang_up_at_end = hang_up_at_end
        self._audio_files = audio_files
        self._prompt_folder = prompt_folder
        self._has_speech = has_speech
        self._prompts: Prompts | None = None
        self._audio: audio.CallAudio | None = None
        self._clock: CallClock | None = None
        self._stream: MediaStream | None = None
        self._starting = False
        self._sequence = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # REST requests.

    def begin(self) -> None:
        """Connect after ``answer_seconds``."""
        self._spawn(self._connect())

    def start_streaming(self, callback_uri: str | None, context: str | None) -> None:
        """Start media streaming. Raises AcsError."""
        self._require_connected()
        if self.streaming is None:
            raise AcsError(
                412, "8583", "Media streaming was not configured when the call was placed."
            )
        if self._stream is not None or self._starting:
            raise AcsError(409, "8585", "Media streaming is already started.")
        self._starting = True
        self._spawn(self._start(callback_uri, context))

    def stop_streaming(self, callback_uri: str | None, context: str | None) -> None:
        """Stop media streaming. Raises AcsError."""
        self._require_connected()
        if self._stream is None:
            raise AcsError(409, "8585", "Media streaming is not started.")
        stream, self._stream = self._stream, None
        self._spawn(self._stop(stream, callback_uri, context))

    def play(self, request: PlayRequest) -> None:
        """Play prompts. Raises AcsError."""
        self._require_connected()
        assert self._prompts is not None
        self._spawn(self._prompts.play(request, self.faults))

    async def add_participant(self, raw_id: str) -> None:
        """Let a silent participant join."""
        self._require_connected()
        self.participants.append(communication_identifier(raw_id))
        await self._send_participants()

    async def hang_up(self) -> None:
        """End the call for everyone. Raises AcsError."""
        if self.state == "disconnected":
            raise call_not_found()
        self.state = "disconnected"
        stream, self._stream = self._stream, None
        if self._prompts is not None:
            await self._prompts.cancel()
        if stream is not None:
            await stream.close()
            await self._send_event(
                "MediaStreamingStopped", **_streaming_update("Stopped", "subscriptionStopped")
            )
        result = {"code": 200, "subCode": 7000, "message": "The conversation has ended."}
        await self._send_event("CallDisconnected", resultInformation=result)

    async def end(self) -> None:
        """Cancel the call's tasks and close its socket, without events: the emulator stops."""
        for task in self._tasks:
            task.cancel()
        if self._stream is not None:
            await self._stream.close()

    def properties(self) -> dict[str, Any]:
        """The call as CallConnectionProperties, the body of REST responses."""
        properties: dict[str, Any] = {
            "callConnectionId": self.id,
            "serverCallId": self.server_call_id,
            "correlationId": self.correlation_id,
            "targets": [self.participants[1]],
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

    def _require_connected(self) -> None:
        if self.state == "disconnected":
            raise call_not_found()
        if self.state != "connected":
            raise AcsError(409, "8501", "The call is not established.")

    # The effects of REST requests.

    async def _connect(self) -> None:
        self._audio = await asyncio.to_thread(self._load_audio)
        await asyncio.sleep(self._answer_seconds)
        if self.state == "disconnected":
            return
        self._clock = CallClock(datetime.now(UTC), self._speed)
        self._prompts = Prompts(
            self._audio,
            self._clock,
            self._speed,
            self._prompt_folder,
            has_speech=self._has_speech,
            send_event=self._send_event,
        )
        self.state = "connected"
        self._spawn(self._hang_up_at_end_of_audio(self._audio.seconds / self._speed))
        if self.streaming is not None and self.streaming.start_media_streaming:
            # ACS, too, opens the socket before it delivers CallConnected.
            self._starting = True
            await self._start(None, self.operation_context)
        result = {"code": 200, "subCode": 0, "message": ""}
        await self._send_event("CallConnected", resultInformation=result)
        await self._send_participants()

    async def _send_participants(self) -> None:
        self._sequence += 1
        await self._send_event(
            "ParticipantsUpdated",
            participants=[
                {"identifier": p, "isMuted": False, "isOnHold": False} for p in self.participants
            ],
            sequenceNumber=self._sequence,
        )

    async def _hang_up_at_end_of_audio(self, seconds: float) -> None:
        """Hang up after that long, if the call was placed so or has this fault by then."""
        await asyncio.sleep(seconds + _LAST_FRAMES_SECONDS)
        if self._hang_up_at_end or self.faults.hang_up_at_end:
            with contextlib.suppress(AcsError):
                await self.hang_up()

    def _load_audio(self) -> audio.CallAudio:
        rate = self.streaming.sample_rate if self.streaming else _DEFAULT_RATE
        files = self._audio_files or audio.conversation_files(rate)
        return audio.load([p["rawId"] for p in self.participants], files, rate)

    async def _start(self, callback_uri: str | None, context: str | None) -> None:
        try:
            self._stream = await self._open()
        except StreamError as error:
            log_event(
                _log, logging.WARNING, "media_socket_failed", call=self.id, status=error.status
            )
            message = "Action failed, Transport url is not valid or web socket server is not "
            result = {"code": 400, "subCode": 8581, "message": message + "operational."}
            await self._send_event(
                "MediaStreamingFailed",
                callback_uri,
                context,
                resultInformation=result,
                **_streaming_update("Failed", "initialWebSocketConnectionFailed"),
            )
            return
        finally:
            self._starting = False
        await self._send_event(
            "MediaStreamingStarted",
            callback_uri,
            context,
            **_streaming_update("Started", "subscriptionStarted"),
        )

    async def _open(self) -> MediaStream:
        assert self.streaming is not None
        assert self._clock is not None and self._audio is not None
        stream = MediaStream(
            self.streaming.transport_url,
            self._audio,
            self._clock,
            unmixed=self.streaming.audio_channel_type == "unmixed",
            faults=self.faults,
        )
        headers = {
            "x-ms-call-connection-id": self.id,
            "x-ms-call-correlation-id": self.correlation_id,
        }
        authorization = self._sign_handshake(self.faults)
        if authorization is not None:
            headers["Authorization"] = authorization
        await stream.open(headers)
        self.sent.append(stream.sent)
        stream.begin(lambda: self._spawn(self._reconnect(stream)))
        return stream

    async def _reconnect(self, stream: MediaStream) -> None:
        """Open another socket, as ACS does, when one was lost without a stop."""
        if self._stream is not stream or self.state != "connected":
            return
        self._stream = None
        if not self.faults.reconnect:
            return
        await asyncio.sleep(_RECONNECT_SECONDS)
        # The fault cuts the first socket only.
        self.faults = msgspec.structs.replace(self.faults, cut_after_ticks=None)
        with contextlib.suppress(StreamError):
            self._stream = await self._open()
        details = "Reestablished" if self._stream is not None else "Interrupted"
        name = "Started" if self._stream is not None else "Failed"
        await self._send_event(
            f"MediaStreaming{name}", **_streaming_update(name, f"streamConnection{details}")
        )

    async def _stop(
        self, stream: MediaStream, callback_uri: str | None, context: str | None
    ) -> None:
        await stream.stop()
        await self._send_event(
            "MediaStreamingStopped",
            callback_uri,
            context,
            **_streaming_update("Stopped", "subscriptionStopped"),
        )

    async def _send_event(
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
            # ACS writes seven decimal places.
            "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+", "0+"),
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "subject": source,
        }
        await self._post_events(callback_uri or self.callback_uri, [event], self.faults)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._log_outcome)

    def _log_outcome(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_event(
                _log,
                logging.ERROR,
                "call_task_failed",
                call=self.id,
                error=type(error).__name__,
                exc_info=error,
            )


def _streaming_update(status: str, details: str) -> dict[str, Any]:
    return {
        "mediaStreamingUpdate": {
            "contentType": "Audio",
            "mediaStreamingStatus": f"mediaStreaming{status}",
            "mediaStreamingStatusDetails": details,
        }
    }
