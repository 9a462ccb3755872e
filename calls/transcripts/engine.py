"""The protocol of the speech-to-text engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from calls.transcripts.model import Word


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase that an engine recognized; times in milliseconds from the chunk's start.

    ``speaker`` numbers the voices, where the engine tells them apart. ``locale`` is the language as
    the engine names it, such as ``en-US`` or ``en``.
    """

    start_ms: int
    end_ms: int
    text: str
    words: list[Word] = msgspec.field(default_factory=list)
    speaker: int | None = None
    locale: str | None = None


class Engine(Protocol):
    """Transcribes one chunk of audio at a time.

    ``name`` is the provider with its model: phrases are cached under it. ``max_chunk_ms``
    is the longest chunk that the engine accepts, ``max_pause_ms`` the longest pause within one.
    ``diarizes`` says whether it can tell the voices of a mixed track apart.
    """

    provider: str
    name: str
    max_chunk_ms: int
    max_pause_ms: int
    diarizes: bool

    async def transcribe(
        self, wav_file: bytes, *, diarize: bool, locales: Sequence[str]
    ) -> list[Phrase]:
        """Transcribe a WAV file of one channel.

        ``diarize`` tells voices apart. ``locales`` are the candidates for the language; with none,
        it is detected among all.

        Raises TranscriptionFailed.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
