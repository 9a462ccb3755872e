"""Engines for tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from calls.transcripts.engine import Engine, Phrase

Transcribe = Callable[[], Awaitable[list[Phrase]]]
UseEngine = Callable[[Engine], None]


class ScriptedEngine:
    """Answers each chunk with what a function returns or raises."""

    provider, name = "azure", "scripted"
    max_chunk_ms, max_pause_ms = 2000, 500
    diarizes = True

    def __init__(self, transcribe: Transcribe) -> None:
        self._transcribe = transcribe

    async def transcribe(
        self, wav_file: bytes, *, diarize: bool, locales: Sequence[str]
    ) -> list[Phrase]:
        return await self._transcribe()

    async def close(self) -> None:
        pass
