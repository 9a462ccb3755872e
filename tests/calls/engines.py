"""Engines for tests, and the choice of a call's engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from calls.clients import Clients
from calls.transcripts.engine import Engine, Phrase

Transcribe = Callable[[], Awaitable[list[Phrase]]]


class ScriptedEngine:
    """Answers each chunk with what a function returns or raises."""

    provider, name = "azure", "scripted"
    max_chunk_ms, max_pause_ms = 2000, 500

    def __init__(self, transcribe: Transcribe) -> None:
        self._transcribe = transcribe

    async def transcribe(self, wav_file: bytes, *, diarize: bool) -> list[Phrase]:
        return await self._transcribe()

    async def close(self) -> None:
        pass


def use_engine(clients: Clients, engine: Engine) -> None:
    """Let the clients transcribe with an engine, and retry without a pause."""
    clients.settings = msgspec.structs.replace(
        clients.settings, transcription=engine.provider, transcription_retry_seconds=0
    )
    clients.__dict__["engine"] = engine
