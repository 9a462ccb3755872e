"""Transcripts from before are indexed by one command."""

from __future__ import annotations

import pytest

from calls.index.call_index import CallIndex
from calls.records.model import CallRecord
from calls.records.store import change_record
from calls.search import filling, transcripts
from calls.search.azure_search import AzureSearch
from calls.search.filling import fill, main
from calls.search.local_search import LocalSearch
from calls.search.service import SearchService
from calls.storage import Storage
from tests.calls.search.said import find, say, write_transcript
from tests.calls.search.search_service import StandIn


async def test_all_complete_transcripts_are_indexed(
    own_storage: Storage, index: CallIndex, service: SearchService, stand_in: StandIn
) -> None:
    before = LocalSearch(index)
    for number, name in enumerate("abc"):
        call = await say(own_storage, before, name, number, "said")
    await write_transcript(own_storage, call, "said", state="pending")
    await say(own_storage, before, "d", 4, "nothing", transcript_digest=None)
    search = AzureSearch(index, service)
    assert await find(search, "said") == []
    for _ in range(2):
        assert await fill(index, search) == 2
        assert await find(search, "said") == ["b", "a"]
    assert len(stand_in.documents) == 2


async def test_a_transcript_that_changes_meanwhile_is_not_left(
    own_storage: Storage,
    index: CallIndex,
    service: SearchService,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = await say(own_storage, LocalSearch(index), "a", 0, "said")

    async def read_and_erase(storage: Storage, calls: list[str]) -> object:
        def erase(record: CallRecord) -> bool:
            record.transcript_digest = None
            return True

        read = await transcripts.read_utterances(storage, calls)
        await change_record(own_storage, call, erase)
        return read

    monkeypatch.setattr(filling, "read_utterances", read_and_erase)
    assert await fill(index, AzureSearch(index, service)) == 0
    assert stand_in.documents == {}


async def test_without_settings_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert await main({}) == 2
    assert "SEARCH_ENDPOINT" in capsys.readouterr().err
