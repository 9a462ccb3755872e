"""What was said can be found once its transcript is complete, and no longer than that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from calls import blobs
from calls.clients import Clients
from calls.errors import TranscriptionFailed
from calls.index.call_index import get_index
from calls.pipeline import searchable, storage_events
from calls.pipeline.searchable import remove_words, store_words
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.retention.deletions import begin_deletion
from calls.retention.erasure import begin_erasure
from calls.retention.run import run_deletion
from calls.search.azure_search import AzureSearch
from calls.search.engine import SearchEngine
from calls.search.local_search import LocalSearch
from calls.search.service import SearchService
from calls.transcripts import job
from calls.transcripts.engine import Phrase
from contract import names
from tests.calls.call_events import record_events
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.retention.calls_to_delete import ADMIN, Clock
from tests.calls.sample_streams import STARTED_AT, SampleStream, conversation, new_call_id
from tests.calls.search.said import find
from tests.calls.search.search_service import StandIn, Token
from tests.calls.stream_uploader import StreamUploader

AGENT, CALLER = "4:+15550000001", "4:+15550000002"

pytestmark = pytest.mark.usefixtures("own_storage")


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest_asyncio.fixture(params=["local", "azure"])
async def engine(
    request: pytest.FixtureRequest,
    clients: Clients,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SearchEngine]:
    """The engine that the pipeline uses."""
    engine: SearchEngine
    if request.param == "azure":
        service = SearchService(stand_in.endpoint, None, [Token()])
        engine = AzureSearch(get_index(clients), service)
    else:
        engine = LocalSearch(get_index(clients))
    monkeypatch.setattr(searchable, "get_search", lambda _: engine)
    yield engine
    await engine.close()


class Phrases:
    """What an engine understands; a test changes it."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.fails = False

    async def __call__(self) -> list[Phrase]:
        if self.fails:
            raise TranscriptionFailed("down")
        return [Phrase(start_ms=0, end_ms=900, text=" ".join(self.texts))]


async def process(uploader: StreamUploader) -> SampleStream:
    """Process an ended call of two participants."""
    call = f"call-{new_call_id()}"
    await record_events(
        uploader.storage, call, STARTED_AT, "CallConnected", "CallDisconnected", to=AGENT[2:]
    )
    pcm = {
        AGENT: conversation("agent")[: 8 * 32_000],
        CALLER: conversation("caller")[: 8 * 32_000],
    }
    stream = SampleStream(call, pcm)
    await uploader.process(stream)
    return stream


async def test_a_call_is_found_when_its_transcript_is_complete(
    uploader: StreamUploader, use_engine: UseEngine, engine: SearchEngine
) -> None:
    phrases = Phrases("Grüße")
    phrases.fails = True
    use_engine(ScriptedEngine(phrases))
    stream = await process(uploader)
    assert await find(engine, "grusse") == []
    phrases.fails = False
    await job.retry_failed(uploader.storage, stream.call)
    await uploader.transcribe(stream.call)
    assert await find(engine, "GRUSSE") == ["call"]


async def test_a_transcript_that_is_made_again_replaces_the_older_one(
    uploader: StreamUploader, use_engine: UseEngine, engine: SearchEngine
) -> None:
    phrases = Phrases("before")
    use_engine(ScriptedEngine(phrases))
    stream = await process(uploader)
    assert await find(engine, "before") == ["call"]
    phrases.texts = ("after",)
    for blob in await uploader.storage.blob_names(blobs.RESULTS, f"{stream.call}/chunks/"):
        await uploader.storage.delete(blobs.RESULTS, blob)
    await uploader.storage.delete(blobs.RESULTS, blobs.transcript_blob(stream.call))
    await uploader.transcribe(stream.call)
    assert (await find(engine, "before"), await find(engine, "after")) == ([], ["call"])


async def test_a_deleted_call_is_in_no_engine(
    uploader: StreamUploader,
    use_engine: UseEngine,
    engine: SearchEngine,
    stand_in: StandIn,
) -> None:
    use_engine(ScriptedEngine(Phrases("xylophone")))
    stream, clock, clients = await process(uploader), Clock(), uploader.clients
    assert await find(engine, "xylophone") == ["call"]
    deletion = await begin_deletion(clients.storage, stream.call, "call", ADMIN, clock())
    assert await find(engine, "xylophone") == [], "from then on"
    remove = partial(remove_words, clients)
    assert not await run_deletion(clients.storage, deletion.receipt.id, clock, remove_words=remove)
    assert stand_in.documents == {}
    assert await find(engine, "xylophone") == []
    await expect_no_word(clients, b"xylophone")


async def test_an_erased_participant_s_words_are_in_no_engine(
    uploader: StreamUploader,
    use_engine: UseEngine,
    engine: SearchEngine,
    stand_in: StandIn,
) -> None:
    phrases = Phrases("xylophone")
    use_engine(ScriptedEngine(phrases))
    stream, clock, clients = await process(uploader), Clock(), uploader.clients
    assert await find(engine, "xylophone") == ["call"]
    deletion = await begin_erasure(clients.storage, stream.call, AGENT, ADMIN, clock())
    remove = partial(remove_words, clients)
    assert not await run_deletion(clients.storage, deletion.receipt.id, clock, remove_words=remove)
    assert stand_in.documents == {}
    assert await find(engine, "xylophone") == []
    await expect_no_word(clients, b"xylophone")
    phrases.texts = ("remaining",)
    content = await uploader.read_blob(names.MANIFESTS, stream.manifest_blob[0])
    if await storage_events.process_manifest(clients, stream.manifest_blob[0], content):
        await uploader.transcribe(stream.call)
    assert (await find(engine, "remaining"), await find(engine, "xylophone")) == (["call"], [])


async def expect_no_word(clients: Clients, word: bytes) -> None:
    """Check that no page of the read model's database has a word: neither rows nor free pages."""
    content = await get_index(clients).read(lambda model: model.serialize())
    assert content.startswith(b"SQLite format 3")
    assert word not in content


@pytest.mark.parametrize("engine", ["azure"], indirect=True)
async def test_words_are_stored_once(
    uploader: StreamUploader, use_engine: UseEngine, engine: SearchEngine, stand_in: StandIn
) -> None:
    use_engine(ScriptedEngine(Phrases("said")))
    stream, clients = await process(uploader), uploader.clients
    transcript = await job.read_transcript(clients.storage, stream.call)
    assert transcript is not None
    digest = (await read_record(clients.storage, stream.call)).transcript_digest
    assert digest is not None
    stand_in.documents.clear()
    assert await store_words(clients, transcript) == digest
    assert stand_in.documents == {}, "the record says that they are stored"


@pytest.mark.parametrize("engine", ["azure"], indirect=True)
async def test_words_that_have_just_been_erased_are_not_left(
    uploader: StreamUploader, use_engine: UseEngine, engine: SearchEngine, stand_in: StandIn
) -> None:
    use_engine(ScriptedEngine(Phrases("said")))
    stream, clients = await process(uploader), uploader.clients
    transcript = await job.read_transcript(clients.storage, stream.call)
    assert transcript is not None

    def forget(record: CallRecord) -> bool:
        record.transcript_digest = None
        return True

    await change_record(clients.storage, stream.call, forget)
    await clients.storage.delete(blobs.RESULTS, blobs.transcript_blob(stream.call))
    assert await store_words(clients, transcript) is None
    assert stand_in.documents == {}
