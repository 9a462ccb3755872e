"""One participant is erased from a call: nothing of theirs is left, and the rest is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.clients import Clients
from calls.errors import (
    CallNotEnded,
    CallOnHold,
    DeletionNotFound,
    DeletionRunning,
    ParticipantNotFound,
    ResultNotReady,
    TracksNotSeparate,
)
from calls.pipeline import storage_events
from calls.records.announcement import Announcement, Play
from calls.records.dispositions import read_disposition
from calls.records.model import new_record
from calls.records.store import change_record, read_record
from calls.results import failures
from calls.results.assembly import read_result
from calls.results.call_result import CallResult
from calls.retention.deletions import (
    begin_deletion,
    change_deletion,
    list_unfinished,
    read_deletion,
)
from calls.retention.erasure import begin_erasure, erase_from_manifest, erase_from_record
from calls.retention.holds import place_hold
from calls.retention.late_arrivals import removing_late_arrivals
from calls.retention.model import DeletedBlobs, Deletion, Receipt, digest_of
from calls.retention.run import run_deletion
from calls.transcripts import job
from contract import names
from contract.manifest import DtmfTone, decode_manifest
from local.azurite import Azurite
from tests.calls.call_events import record_events
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.retention.calls_to_delete import (
    ADMIN,
    AGENT,
    CALLER,
    WORDS,
    Clock,
    create_call,
    say_words,
    search,
)
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

AGENT_NUMBER, CALLER_NUMBER = AGENT[3:], CALLER[3:]


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An Azurite of its own: these tests search all that there is in it."""
    with Azurite() as azurite:
        yield azurite.connection_string


@pytest_asyncio.fixture
async def stream(uploader: StreamUploader, use_engine: UseEngine) -> AsyncIterator[SampleStream]:
    use_engine(ScriptedEngine(say_words))
    yield await create_call(uploader, is_processed=True)


def track_of(stream: SampleStream, raw_id: str) -> str:
    (track,) = (t for t, id_ in stream.manifest.participants.items() if id_ == raw_id)
    return track


async def erase(clients: Clients, call: str, participant: str) -> Receipt:
    clock = Clock()
    deletion = await begin_erasure(clients.storage, call, participant, ADMIN, clock())
    assert not await run_deletion(clients.storage, deletion.receipt.id, clock)
    return (await read_deletion(clients.storage, deletion.receipt.id)).receipt


async def assemble_again(uploader: StreamUploader, stream: SampleStream) -> CallResult:
    """Run the event of the manifest, which was written again."""
    blob = stream.manifest_blob[0]
    content = await uploader.read_blob(names.MANIFESTS, blob)
    if await storage_events.process_manifest(uploader.clients, blob, content):
        await uploader.transcribe(stream.call)
    result = await read_result(uploader.storage, stream.call)
    assert result is not None
    return result


@pytest.mark.parametrize("participant", [AGENT, AGENT[2:], "track"])
async def test_nothing_is_left_of_an_erased_participant(
    uploader: StreamUploader, stream: SampleStream, service: BlobServiceClient, participant: str
) -> None:
    clients, call = uploader.clients, stream.call
    before = await read_result(clients.storage, call)
    assert before is not None
    own = track_of(stream, AGENT)
    (kept,) = (track for track in before.timeline.tracks if track.participant == CALLER)
    assert call in " ".join(await search(service, [AGENT_NUMBER, "Alex Agent"]))
    receipt = await erase(clients, call, own if participant == "track" else participant)
    assert (receipt.scope, receipt.state) == ("participant", "completed")
    counts = {deleted.container: deleted.count for deleted in receipt.deleted}
    assert counts[names.SEGMENTS] == 1
    assert counts[blobs.RECORDINGS] == 2
    left = [hit for hit in await search(service, [AGENT_NUMBER, "Alex Agent"]) if call in hit]
    assert left == []
    assert [hit for hit in await search(service, [WORDS]) if call in hit] == []

    result = await assemble_again(uploader, stream)
    assert [track.participant for track in result.timeline.tracks] == [CALLER]
    (track,) = result.timeline.tracks
    assert track.speech == kept.speech, "its times have not changed"
    assert result.timeline.started_at == before.timeline.started_at
    assert result.timeline.missing_segments == [], "what was erased is not missing"
    (erased,) = result.streams[0].erased
    assert (erased.track, erased.segments, erased.deletion) == (own, 1, receipt.id)
    transcript = await job.read_transcript(clients.storage, call)
    assert transcript is not None
    assert {utterance.participant for utterance in transcript.utterances} == {CALLER}
    record = await read_record(clients.storage, call)
    assert (record.to, record.from_, record.names) == (None, CALLER[2:], {})
    left = [hit for hit in await search(service, [AGENT_NUMBER, "Alex Agent"]) if call in hit]
    assert left == []
    manifest = decode_manifest(await uploader.read_blob(names.MANIFESTS, stream.manifest_blob[0]))
    assert {entry.track for entry in manifest.segments} == {track_of(stream, CALLER)}


async def test_what_comes_late_of_an_erased_participant_is_deleted(
    uploader: StreamUploader, stream: SampleStream, service: BlobServiceClient
) -> None:
    clients, call = uploader.clients, stream.call
    await erase(clients, call, AGENT)
    await assemble_again(uploader, stream)
    kept = {hit for hit in await search(service, [call]) if hit.startswith(names.SEGMENTS)}
    await uploader.upload_segments(stream)
    for blob, (file, metadata) in stream.files.items():
        async with removing_late_arrivals(clients.storage, call):
            await storage_events.analyse_segment(clients, blob, file, metadata)
    hits = await search(service, [call])
    assert {hit for hit in hits if hit.startswith(names.SEGMENTS)} == kept
    prefix = f"{blobs.RESULTS}/{call}/{stream.stream_id}/{track_of(stream, AGENT)}/"
    assert not [hit for hit in hits if hit.startswith(prefix)]


async def test_an_erased_participant_is_unknown_and_the_other_one_can_be_erased(
    uploader: StreamUploader, stream: SampleStream, service: BlobServiceClient
) -> None:
    clients, call = uploader.clients, stream.call
    await erase(clients, call, AGENT)
    await assemble_again(uploader, stream)
    with pytest.raises(ParticipantNotFound):
        await begin_erasure(clients.storage, call, AGENT, ADMIN, Clock()())
    await erase(clients, call, CALLER)
    result = await assemble_again(uploader, stream)
    assert result.timeline.tracks == []
    assert len(result.streams[0].erased) == 2
    hits = await search(service, [AGENT_NUMBER, CALLER_NUMBER])
    assert [hit for hit in hits if call in hit] == []


async def test_a_failure_of_the_participant_is_deleted_and_another_s_is_kept(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    storage = uploader.storage
    for blob in stream.files:
        failure = failures.new_failure(names.SEGMENTS, blob, "an error", STARTED_AT)
        await failures.write_failure(storage, failure)
    await erase(uploader.clients, stream.call, AGENT)
    left = await failures.list_failures(storage, stream.call)
    assert [failure.track for failure in left] == [track_of(stream, CALLER)]


async def test_who_was_only_mentioned_can_be_erased(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    third = "4:+15550000003"
    await record_events(uploader.storage, stream.call, STARTED_AT, names={third: "Thea Third"})
    receipt = await erase(uploader.clients, stream.call, third)
    assert receipt.state == "completed"
    assert (await read_record(uploader.storage, stream.call)).names == {}
    with pytest.raises(ParticipantNotFound):
        await begin_erasure(uploader.storage, stream.call, "4:+15559", ADMIN, Clock()())


async def test_a_mixed_track_cannot_be_separated(uploader: StreamUploader) -> None:
    call = new_call_id()
    await record_events(uploader.storage, call, STARTED_AT, "CallConnected", "CallDisconnected")
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    with pytest.raises(TracksNotSeparate):
        await begin_erasure(uploader.storage, call, AGENT, ADMIN, Clock()())


async def test_an_erasure_waits_for_the_end_the_result_and_for_others(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    storage, now, call = uploader.storage, Clock()(), new_call_id()
    await record_events(storage, call, STARTED_AT, "CallConnected")
    with pytest.raises(CallNotEnded):
        await begin_erasure(storage, call, AGENT, ADMIN, now)
    await record_events(storage, call, STARTED_AT, "CallDisconnected", result_state="processing")
    with pytest.raises(ResultNotReady):
        await begin_erasure(storage, call, AGENT, ADMIN, now)
    await begin_erasure(storage, stream.call, AGENT, ADMIN, now)
    with pytest.raises(DeletionRunning):
        await begin_erasure(storage, stream.call, CALLER, ADMIN, now)


async def test_an_erasure_of_a_call_that_is_deleted_meanwhile_leaves_no_name(
    uploader: StreamUploader, stream: SampleStream, service: BlobServiceClient
) -> None:
    """One that has deleted something keeps its receipt; one that has not is forgotten."""
    storage, clock = uploader.storage, Clock()
    erasure = (await begin_erasure(storage, stream.call, AGENT, ADMIN, clock())).receipt.id

    def add(deletion: Deletion) -> bool:
        deletion.receipt.deleted = [DeletedBlobs(container="segments", count=1, bytes=2)]
        return True

    await change_deletion(storage, erasure, add)
    whole = (await begin_deletion(storage, stream.call, "call", ADMIN, clock())).receipt.id
    for id_ in (erasure, whole):
        assert not await run_deletion(storage, id_, clock)
    receipt = (await read_deletion(storage, erasure)).receipt
    assert (receipt.state, receipt.deleted[0].count) == ("completed", 1)
    assert receipt.digest == digest_of(receipt)
    assert not {erasure, whole} & set(await list_unfinished(storage))
    hits = await search(service, [AGENT_NUMBER])
    assert [hit for hit in hits if stream.call in hit or erasure in hit] == []

    stream = await create_call(uploader)
    await record_events(storage, stream.call, STARTED_AT, result_state="final")
    erasure = (await begin_erasure(storage, stream.call, AGENT, ADMIN, clock())).receipt.id
    await begin_deletion(storage, stream.call, "call", ADMIN, clock())
    assert not await run_deletion(storage, erasure, clock)
    with pytest.raises(DeletionNotFound):
        await read_deletion(storage, erasure)


async def test_a_call_on_hold_keeps_all_its_participants(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    await place_hold(uploader.storage, stream.call, "a claim", ADMIN, Clock()())
    with pytest.raises(CallOnHold):
        await begin_erasure(uploader.storage, stream.call, AGENT, ADMIN, Clock()())
    assert (await read_disposition(uploader.storage, stream.call)).erased == []


def deletion_of(raw_id: str | None) -> Deletion:
    receipt = Receipt(
        id="0" * 32,
        call_connection_id="a-call",
        scope="participant",
        requested_at=STARTED_AT,
        requested_by=ADMIN,
    )
    return Deletion(receipt=receipt, raw_id=raw_id)


def test_a_manifest_keeps_what_is_the_others() -> None:
    stream = SampleStream("a-call", {AGENT: noise(16_000), CALLER: noise(16_000)})
    tones: Any = [
        DtmfTone(tone="1", received_at=STARTED_AT, participant_raw_id=raw_id)
        for raw_id in (AGENT, CALLER, None)
    ]
    manifest = msgspec.structs.replace(stream.manifest, dtmf=tones)
    manifest.counts.frames = sum(entry.counts.frames for entry in manifest.segments)
    own = track_of(stream, AGENT)
    erased = erase_from_manifest(manifest, {own}, deletion_of(AGENT), STARTED_AT)
    assert [tone.participant_raw_id for tone in erased.dtmf] == [CALLER, None]
    assert erased.participants == {track_of(stream, CALLER): CALLER}
    assert erased.counts.frames == sum(entry.counts.frames for entry in erased.segments) > 0
    again = erase_from_manifest(erased, {own}, deletion_of(AGENT), STARTED_AT)
    assert again == erased, "a second run changes nothing"
    assert AGENT.encode() not in msgspec.json.encode(erased)


def test_a_record_keeps_who_is_not_erased() -> None:
    record = new_record("a-call", STARTED_AT)
    record.participants, record.names = [AGENT, CALLER], {AGENT: "Alex", CALLER: "Cleo"}
    record.to, record.from_ = AGENT[2:], CALLER[2:]
    play = Play(id="1", to=[AGENT, CALLER], to_all=True, requested_at=STARTED_AT)
    record.announcement = Announcement(policy="on", source="call", plays=[play])
    assert erase_from_record(record, deletion_of(AGENT))
    assert play.to == [CALLER]
    assert AGENT.encode() not in msgspec.json.encode(record)
    assert (record.participants, record.names) == ([CALLER], {CALLER: "Cleo"})
    ends = {"to": record.to, "from": record.from_}
    assert ends == {"to": None, "from": CALLER[2:]}
    assert not erase_from_record(record, deletion_of(AGENT))
    assert not erase_from_record(record, deletion_of(None))


async def test_a_call_without_a_record_does_not_stop_its_erasure(clients: Clients) -> None:
    await clients.storage.create_containers()
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    await record_events(
        clients.storage,
        call,
        STARTED_AT,
        "CallConnected",
        "CallDisconnected",
        to=AGENT[2:],
        result_state="none",
    )
    deletion = await begin_erasure(clients.storage, call, AGENT, ADMIN, Clock()())
    await clients.storage.delete(blobs.CALLS, blobs.call_blob(call))
    assert not await run_deletion(clients.storage, deletion.receipt.id, Clock())
    assert (await read_deletion(clients.storage, deletion.receipt.id)).receipt.state == "completed"
