"""What search reads of the transcripts in Blob Storage."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from calls import blobs
from calls.search.matches import Utterance
from calls.storage import Document, Storage


class _Transcript(msgspec.Struct):
    """What search must know of a transcript; see ``calls.transcripts.model``."""

    state: str
    utterances: list[Utterance]


_decode = msgspec.json.Decoder(_Transcript).decode


async def read_utterances(
    storage: Storage, calls: Sequence[str], concurrency: int = 16
) -> list[list[Utterance] | None]:
    """Read the utterances of calls; None for each without a complete transcript.

    Raises AzureError.
    """
    names = [blobs.transcript_blob(call) for call in calls]
    return list(map(_complete, await storage.read_all(blobs.RESULTS, names, concurrency)))


def _complete(document: Document | None) -> list[Utterance] | None:
    transcript = _decode(document.content) if document is not None else None
    is_complete = transcript is not None and transcript.state == "complete"
    return transcript.utterances if transcript is not None and is_complete else None


def digest_of(words: str) -> str:
    """Return what a call's record has of the words of its transcript: it tells when they change."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]
