"""The words of transcripts in the engine of full-text search: stored, and removed with their call.

The engine that is a service of its own has to be told. Whoever stores words looks afterwards
whether they are still those of the transcript: a participant may just have been erased.
"""

from __future__ import annotations

from calls.clients import Clients
from calls.records.store import read_record
from calls.search.engines import get_search
from calls.search.transcripts import digest_of
from calls.search.words import join_utterances
from calls.transcripts import job
from calls.transcripts.model import Transcript


async def store_words(clients: Clients, transcript: Transcript) -> str | None:
    """Store the words of a transcript, unless its call's record says that they are stored.

    Returns:
        The digest of the words, for the record; None if there are none, or no longer these.

    Raises CallNotFound, AzureError.
    """
    call, storage = transcript.call_connection_id, clients.storage
    record = await read_record(storage, call)
    words = _words(transcript)
    digest = digest_of(words) if words is not None else None
    if digest == record.transcript_digest:
        return digest
    search = get_search(clients)
    if words is None or search is None:
        await remove_words(clients, call)
        return digest
    await search.store(record, words)
    current = await job.read_transcript(storage, call)
    if current is None or _words(current) != words:
        await search.remove(call)
        return None
    return digest


async def remove_words(clients: Clients, call: str) -> None:
    """Remove what the engine has of a call. Raises AzureError."""
    search = get_search(clients)
    if search is not None:
        await search.remove(call)


def _words(transcript: Transcript) -> str | None:
    """Return the words of a complete transcript."""
    if transcript.state != "complete":
        return None
    return join_utterances(utterance.text for utterance in transcript.utterances)
