"""All calls since the emulator started, and the faults of calls to come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from event_log import log_event
from local.emulator.call import Call, PostEvents
from local.emulator.errors import call_not_found
from local.emulator.faults import Faults
from local.emulator.incoming import IncomingCall
from local.emulator.keys import MEDIA_SECONDS, SigningKeys
from local.emulator.requests import (
    AnswerCallRequest,
    CreateCallRequest,
    communication_identifier,
)
from local.emulator.settings import EmulatorSettings

CALLER = {"rawId": "8:acs:emulator_agent", "kind": "communicationUser"}

_log = logging.getLogger(__name__)


class CallRegistry:
    """Places and answers calls, and finds them by id. New calls get ``faults``."""

    def __init__(
        self, settings: EmulatorSettings, keys: SigningKeys, post_events: PostEvents
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._post_events = post_events
        self._calls: dict[str, Call] = {}
        self.faults = Faults()

    def __len__(self) -> int:
        return len(self._calls)

    def place(self, request: CreateCallRequest) -> Call:
        """Place a call and let it connect."""
        target = communication_identifier(request.targets[0].raw_id)
        caller: dict[str, Any] = dict(CALLER)
        if request.source_caller_id_number is not None:
            caller = communication_identifier("4:" + request.source_caller_id_number.value)
        call = self._add(
            caller, target, request, self._settings.audio, self._settings.hang_up_at_end
        )
        call.begin()
        log_event(_log, logging.INFO, "call_placed", call=call.id)
        return call

    def answer(self, incoming: IncomingCall, request: AnswerCallRequest) -> Call:
        """Answer an incoming call and let it connect."""
        caller = communication_identifier(incoming.from_)
        target = communication_identifier(incoming.to)
        audio = self._settings.audio if incoming.audio is None else incoming.audio
        hang_up = incoming.hang_up_at_end
        if hang_up is None:
            hang_up = self._settings.hang_up_at_end
        call = self._add(caller, target, request, audio, hang_up)
        call.server_call_id, call.correlation_id = incoming.server_call_id, incoming.id
        incoming.call_connection_id = call.id
        call.begin()
        log_event(_log, logging.INFO, "call_answered", call=call.id)
        return call

    def find(self, call_id: str) -> Call:
        """Return a call by its call connection id. Raises AcsError."""
        call = self._calls.get(call_id)
        if call is None:
            raise call_not_found()
        return call

    async def end(self) -> None:
        """End the tasks of all calls, without events: the emulator stops."""
        await asyncio.gather(*(call.end() for call in self._calls.values()))

    def _add(
        self,
        caller: dict[str, Any],
        target: dict[str, Any],
        request: CreateCallRequest | AnswerCallRequest,
        audio: Sequence[Path],
        hang_up_at_end: bool,
    ) -> Call:
        intelligence = request.call_intelligence_options
        others = range(3, len(audio) + 1)
        call = Call(
            participants=[
                caller,
                target,
                *(communication_identifier(f"8:acs:emulator_participant_{n}") for n in others),
            ],
            callback_uri=request.callback_uri,
            operation_context=request.operation_context,
            streaming=request.media_streaming_options,
            speed=self._settings.speed,
            faults=self.faults,
            post_events=self._post_events,
            sign_handshake=self._sign_handshake,
            answer_seconds=self._settings.answer_seconds,
            hang_up_at_end=hang_up_at_end,
            audio_files=audio,
            prompt_folder=self._settings.prompts,
            has_speech=intelligence is not None
            and intelligence.cognitive_services_endpoint is not None,
        )
        self._calls[call.id] = call
        return call

    def _sign_handshake(self, faults: Faults) -> str | None:
        return self._keys.sign_authorization(MEDIA_SECONDS, faults.media_token)
