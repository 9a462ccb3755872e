"""Prompts that the app plays into a call: their audio, and the events about them.

Source: Microsoft's ``play-action.md`` (the results of events), and ``PlayRequest`` of
``azure-communication-callautomation`` 1.6.0. Nothing here synthesizes speech: a text becomes a
tone for each of its words, always the same one. Files are read from a folder, by the last part of
their URL. Prompts are played one after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from local.emulator import audio_files
from local.emulator.audio import CallAudio
from local.emulator.clock import CallClock
from local.emulator.faults import Faults
from local.emulator.requests import PlayRequest, PlaySource

_WORD_SECONDS = 0.25
_GAP_SECONDS = 0.1
_AMPLITUDE = 8000
_LOWEST_HZ, _HIGHEST_HZ = 200, 800

SendEvent = Callable[..., Awaitable[None]]
"""Sends a callback event: its name, the callback URI, the operation context, and its data."""


class PromptError(Exception):
    """Raised when a prompt cannot be played; has the result information of PlayFailed."""

    def __init__(self, code: int, sub_code: int, message: str) -> None:
        super().__init__(message)
        self.result = {"code": code, "subCode": sub_code, "message": message}


class Prompts:
    """Plays prompts into one call.

    Args:
        audio: The call's audio. A prompt for all participants is part of a mixed stream.
        clock: The call's time.
        speed: How many times faster than real time the call runs.
        folder: Where the files of file sources are; None: they cannot be downloaded.
        has_speech: Whether the call has an Azure AI resource to speak texts.
        send_event: Sends the call's events.
    """

    def __init__(
        self,
        audio: CallAudio,
        clock: CallClock,
        speed: float,
        folder: Path | None,
        *,
        has_speech: bool,
        send_event: SendEvent,
    ) -> None:
        self._audio = audio
        self._clock = clock
        self._speed = speed
        self._folder = folder
        self._has_speech = has_speech
        self._send_event = send_event
        self._turn = asyncio.Lock()
        self._playing: list[PlayRequest] = []

    async def play(self, request: PlayRequest, faults: Faults) -> None:
        """Play a request's sources, and send the events about it."""
        self._playing.append(request)
        async with self._turn:
            if request not in self._playing:
                return
            try:
                if faults.play == "fail":
                    raise _failure(request.play_sources[0])
                pcm = b"".join(self._render(source) for source in request.play_sources)
            except PromptError as error:
                self._playing.remove(request)
                await self._send("PlayFailed", request, error.result, failedPlaySourceIndex=0)
                return
            if not request.play_to:
                self._audio.add_prompt(self._clock.tick() + 1, pcm)
            await self._send("PlayStarted", request)
            await asyncio.sleep(len(pcm) / (2 * self._audio.sample_rate) / self._speed)
            if request in self._playing and faults.play != "never_completes":
                self._playing.remove(request)
                await self._send("PlayCompleted", request)

    async def cancel(self) -> None:
        """Cancel all prompts: the call ends."""
        cancelled, self._playing = self._playing, []
        result = {
            "code": 400,
            "subCode": 8508,
            "message": "Action failed, the operation was canceled.",
        }
        for request in cancelled:
            await self._send("PlayCanceled", request, result)

    async def _send(
        self,
        name: str,
        request: PlayRequest,
        result: dict[str, Any] | None = None,
        **data: Any,
    ) -> None:
        if result is not None:
            data["resultInformation"] = result
        await self._send_event(
            name, request.operation_callback_uri, request.operation_context, **data
        )

    def _render(self, source: PlaySource) -> bytes:
        """Return a source's audio. Raises PromptError."""
        rate = self._audio.sample_rate
        if source.file is not None:
            return _read_file(source.file.uri, self._folder, rate)
        if not self._has_speech or source.text is None:
            raise _failure(source)
        return synthesize(source.text.text, rate)


def synthesize(text: str, sample_rate: int) -> bytes:
    """Return a stand-in for a spoken text, as 16-bit mono PCM: a tone for each word."""
    gap = np.zeros(round(_GAP_SECONDS * sample_rate))
    times = np.arange(round(_WORD_SECONDS * sample_rate)) / sample_rate
    parts = [gap]
    for word in text.split():
        number = hashlib.sha256(word.encode()).digest()[0] / 255
        frequency = _LOWEST_HZ + number * (_HIGHEST_HZ - _LOWEST_HZ)
        parts += [_AMPLITUDE * np.sin(2 * np.pi * frequency * times), gap]
    pcm: bytes = np.rint(np.concatenate(parts)).astype("<i2").tobytes()
    return pcm


def _read_file(uri: str, folder: Path | None, sample_rate: int) -> bytes:
    name = Path(urlsplit(uri).path).name
    if folder is None or not name or not (folder / name).is_file():
        raise PromptError(400, 8536, "Action failed, file could not be downloaded.")
    try:
        return audio_files.read(folder / name, sample_rate)
    except audio_files.AudioFileError as error:
        raise PromptError(400, 8535, "Action failed, file format is invalid.") from error


def _failure(source: PlaySource) -> PromptError:
    if source.file is not None:
        return PromptError(400, 8536, "Action failed, file could not be downloaded.")
    text = "Action failed, bad request to Azure AI services. Check input parameters."
    return PromptError(400, 8565, text)
