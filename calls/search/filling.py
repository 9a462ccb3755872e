"""Filling the index of Azure AI Search with the transcripts that were made before it was there."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from azure.core.exceptions import AzureError

from calls.commands import open_storage, read_settings
from calls.errors import CallNotFound
from calls.index.call_index import CallIndex
from calls.records.model import CallRecord
from calls.records.store import decode_record, read_record
from calls.search.azure_search import AzureSearch
from calls.search.engine import SearchEngine
from calls.search.service import SearchService
from calls.search.transcripts import digest_of, read_utterances
from calls.search.words import join_utterances
from calls.storage import Storage

_BATCH = 64

_USAGE = """\
python -m calls.search: set these, as the function app has them
  SEARCH_ENDPOINT               https://NAME.search.windows.net
  AudioStorage__blobServiceUri  https://ACCOUNT.blob.core.windows.net
and sign in (az login), with the roles Storage Blob Data Reader, Search Index Data Contributor and
Search Service Contributor"""


async def main(environment: Mapping[str, str]) -> int:
    """Fill the index, and print how many transcripts that were.

    Returns:
        The exit code: 2 for wrong settings, 1 if a service does not answer.
    """
    settings = read_settings(environment)
    if not settings.search_endpoint or not settings.audio_storage_blob_service_uri:
        print(_USAGE, file=sys.stderr)
        return 2
    try:
        async with AsyncExitStack() as stack:
            storage, credential = await open_storage(stack, settings)
            service: Any = SearchService(settings.search_endpoint, credential)
            stack.push_async_callback(service.close)
            index = CallIndex(storage)
            stack.push_async_callback(index.close)
            count = await fill(index, AzureSearch(index, service))
    except AzureError as error:
        print(f"a service does not answer: {error}", file=sys.stderr)
        return 1
    print(f"{count} transcripts are in the index")
    return 0


async def fill(index: CallIndex, search: SearchEngine) -> int:
    """Store the words of all complete transcripts; return how many there are. It may run twice.

    The app may run meanwhile: words of a call that was deleted, or whose transcript has changed,
    are removed again. Raises AzureError, sqlite3.Error.
    """
    contents = await index.query(lambda model: model.all_contents())
    records = [
        record for record in map(decode_record, contents.values()) if record.transcript_digest
    ]
    count = 0
    for batch in itertools.batched(records, _BATCH, strict=False):
        calls = [record.call_connection_id for record in batch]
        transcripts = await read_utterances(index.storage, calls)
        stored = await asyncio.gather(
            *(
                _store(index.storage, search, record, join_utterances(u.text for u in utterances))
                for record, utterances in zip(batch, transcripts, strict=True)
                if utterances is not None
            )
        )
        count += sum(stored)
    return count


async def _store(storage: Storage, search: SearchEngine, record: CallRecord, words: str) -> bool:
    """Store a call's words; return whether they are still those of its record."""
    call = record.call_connection_id
    await search.store(record, words)
    try:
        digest = (await read_record(storage, call)).transcript_digest
    except CallNotFound:
        digest = None
    if digest != digest_of(words):
        await search.remove(call)
        return False
    return True
