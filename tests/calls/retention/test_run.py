"""A deletion leaves nothing of a call, wherever it is interrupted, and whatever arrives late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from calls import audit, blobs
from calls.clients import Clients
from calls.errors import CallDeleted
from calls.events.messages import decode_event
from calls.pipeline import storage_events
from calls.records.callback_events import record_callback_event
from calls.records.dispositions import read_disposition
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.retention import deletions, run
from calls.retention.deletions import begin_deletion, list_unfinished, read_deletion
from calls.retention.late_arrivals import delete_late_arrivals, removing_late_arrivals
from calls.retention.model import Receipt, digest_of
from calls.retention.run import run_deletion
from calls.subscribers import Subscribers
from contract import names
from local.azurite import Azurite
from tests.calls.call_events import create_event
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.retention.calls_to_delete import (
    ADMIN,
    EXEMPT,
    NUMBERS,
    WORDS,
    Clock,
    create_call,
    reject,
    say_words,
    search,
)
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id
from tests.calls.sent import Sent
from tests.calls.stream_uploader import StreamUploader


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An Azurite of its own: these tests search all that there is in it."""
    with Azurite() as azurite:
        yield azurite.connection_string


@pytest_asyncio.fixture
async def stream(
    uploader: StreamUploader, service: BlobServiceClient
) -> AsyncIterator[SampleStream]:
    """A call to delete; a deletion must leave nothing of it."""
    await uploader.storage.service.create_container(blobs.DEAD_LETTERS)
    stream = await create_call(uploader)
    letter = msgspec.json.encode([{"subject": f"/blobs/{stream.call}/a"}])
    await uploader.storage.put(blobs.DEAD_LETTERS, "topic/letter.json", letter)
    filled = {hit.partition("/")[0] for hit in await search(service, [stream.call])}
    assert filled >= {*blobs.CONTAINERS, blobs.DEAD_LETTERS} - {blobs.AUDIT, names.GRANTS}
    yield stream
    async for container in service.list_containers():
        client = service.get_container_client(container.name)
        async for name in client.list_blob_names():
            await client.delete_blob(name, delete_snapshots="include")
    await uploader.storage.service.delete_container(blobs.DEAD_LETTERS)


async def begin(clients: Clients, call: str, clock: Clock) -> str:
    deletion = await begin_deletion(clients.storage, call, "call", ADMIN, clock())
    return deletion.receipt.id


async def receipt_of(clients: Clients, id_: str) -> Receipt:
    return (await read_deletion(clients.storage, id_)).receipt


async def assert_nothing_left(service: BlobServiceClient, call: str) -> None:
    assert await search(service, [*NUMBERS, WORDS, "Alex Agent"]) == []
    assert await search(service, [call, f"correlation-of-{call}"], exempt=EXEMPT) == []


async def test_nothing_is_left_of_a_deleted_call(
    clients: Clients,
    uploader: StreamUploader,
    stream: SampleStream,
    service: BlobServiceClient,
    use_engine: UseEngine,
) -> None:
    clock, other = Clock(), stream
    kept = await search(service, [other.call])
    use_engine(ScriptedEngine(say_words))
    stream = await create_call(uploader, is_processed=True)
    call = stream.call
    before = await search(service, [call])
    assert {f"{names.SEGMENTS}/{blob}" for blob in stream.files} < set(before)
    assert f"{blobs.RESULTS}/{blobs.transcript_blob(call)}" in await search(service, [WORDS])
    id_ = await begin(clients, call, clock)
    clock.advance(seconds=5)
    assert not await run_deletion(clients.storage, id_, clock, soft_delete_days=7)
    assert await search(service, [call], exempt=EXEMPT) == []
    assert await search(service, [other.call]) == kept

    receipt = await receipt_of(clients, id_)
    assert (receipt.state, receipt.requested_by, receipt.completed_at) == (
        "completed",
        ADMIN,
        clock(),
    )
    assert receipt.restorable_until is not None
    assert (receipt.restorable_until - clock()).days == 7
    counts = {deleted.container: deleted.count for deleted in receipt.deleted}
    assert counts[names.SEGMENTS] == len(stream.files) == 2
    assert (counts[blobs.RECORDINGS], counts[names.DRAFTS], counts[names.GRANTS]) == (2, 2, 2)
    assert counts[names.REJECTED] == 5
    assert counts[blobs.IDEMPOTENCY] == 3
    (segments,) = (d for d in receipt.deleted if d.container == names.SEGMENTS)
    assert segments.bytes == sum(len(file) for file, _ in stream.files.values())


async def test_a_receipt_cannot_be_altered_unnoticed(
    clients: Clients, stream: SampleStream
) -> None:
    clock = Clock()
    id_ = await begin(clients, stream.call, clock)
    await run_deletion(clients.storage, id_, clock)
    receipt = await receipt_of(clients, id_)
    assert receipt.digest == digest_of(receipt)
    altered = msgspec.structs.replace(receipt, requested_by=receipt.requested_by)
    altered.deleted = altered.deleted[1:]
    assert digest_of(altered) != receipt.digest
    trail = await clients.storage.read(blobs.AUDIT, blobs.audit_blob(_today(), 0))
    assert trail is not None
    entries = [msgspec.json.decode(line, type=audit.Entry) for line in trail.content.splitlines()]
    (entry,) = (entry for entry in entries if entry.details.get("deletion") == id_)
    assert (entry.action, entry.call, entry.principal) == ("complete_deletion", stream.call, ADMIN)
    assert entry.details["digest"] == receipt.digest


def _today() -> Any:
    return Clock()().date()


class Interrupted(Exception):
    """The process ends here."""


@pytest.mark.parametrize("steps", [0, 1, 7, 16])
async def test_an_interrupted_deletion_goes_on_and_counts_each_blob_once(
    clients: Clients,
    stream: SampleStream,
    service: BlobServiceClient,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    clock = Clock()
    before = await search(service, [stream.call], exempt=EXEMPT)
    id_ = await begin(clients, stream.call, clock)
    delete, left = run._delete, steps

    async def interrupt(*args: Any) -> bool:
        nonlocal left
        if not left:
            raise Interrupted
        left -= 1
        return await delete(*args)

    monkeypatch.setattr(run, "_AT_ONCE", 1)
    monkeypatch.setattr(run, "_delete", interrupt)
    with pytest.raises(Interrupted):
        await run_deletion(clients.storage, id_, clock)
    monkeypatch.setattr(run, "_delete", delete)
    assert not await run_deletion(clients.storage, id_, clock)
    assert await list_unfinished(clients.storage) == [id_], "the interrupted run may still be alive"
    clock.advance(minutes=6)
    assert not await run_deletion(clients.storage, id_, clock)
    assert await list_unfinished(clients.storage) == []
    receipt = await receipt_of(clients, id_)
    # A search for the call's id does not find the claim on an incoming call.
    assert sum(deleted.count for deleted in receipt.deleted) >= len(before)
    counts = {deleted.container: deleted.count for deleted in receipt.deleted}
    assert counts[names.SEGMENTS] == 2
    assert counts[blobs.CALLS] == counts[blobs.UNSETTLED] == 1
    await assert_nothing_left(service, stream.call)


async def test_a_run_whose_end_was_interrupted_is_ended_by_the_next(
    clients: Clients, stream: SampleStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    id_ = await begin(clients, stream.call, clock)

    async def interrupt(*_: Any) -> None:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(run, "close_deletion", interrupt)
        with pytest.raises(Interrupted):
            await run_deletion(clients.storage, id_, clock)
    assert await list_unfinished(clients.storage) == [id_]
    receipt = await receipt_of(clients, id_)
    assert not await run_deletion(clients.storage, id_, clock)
    assert await list_unfinished(clients.storage) == []
    assert await receipt_of(clients, id_) == receipt


async def test_a_run_has_a_limit_in_time_and_another_one_goes_on(
    clients: Clients,
    stream: SampleStream,
    service: BlobServiceClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(run, "_PLANNED_BLOBS", 3)
    delete = run._delete

    async def delete_slowly(*args: Any) -> bool:
        clock.advance(seconds=run.RUN_SECONDS / 2)
        return await delete(*args)

    monkeypatch.setattr(run, "_delete", delete_slowly)
    id_ = await begin(clients, stream.call, clock)
    runs = 1
    while await run_deletion(clients.storage, id_, clock):
        runs += 1
        assert runs < 50
    assert runs > 5
    await assert_nothing_left(service, stream.call)


async def test_two_runs_at_once_do_no_harm(
    clients: Clients, stream: SampleStream, service: BlobServiceClient
) -> None:
    clock = Clock()
    id_ = await begin(clients, stream.call, clock)
    again = await asyncio.gather(*(run_deletion(clients.storage, id_, clock) for _ in range(4)))
    assert not any(again)
    receipt = await receipt_of(clients, id_)
    assert receipt.state == "completed"
    counts = {deleted.container: deleted.count for deleted in receipt.deleted}
    assert counts[names.SEGMENTS] == 2
    await assert_nothing_left(service, stream.call)


async def land(uploader: StreamUploader, stream: SampleStream) -> None:
    """Have everything of a stream land, and run its events, as the app's functions do."""
    storage, call = uploader.storage, stream.call
    await uploader.upload_segments(stream)
    await reject(storage, stream)
    await storage.put(names.DRAFTS, names.stream_marker(call, stream.stream_id), b"")
    await storage.put(names.GRANTS, names.grant_note(call, "0" * 64 + ".json"), b"")
    await uploader.upload_manifest(stream)
    for blob, (file, metadata) in stream.files.items():
        async with removing_late_arrivals(storage, call):
            await storage_events.analyse_segment(uploader.clients, blob, file, metadata)
    async with removing_late_arrivals(storage, call):
        await storage_events.assemble_call(uploader.clients, call, partial=True)
    event = create_event(call, "CallDisconnected", STARTED_AT)
    with pytest.raises(CallDeleted):
        await record_callback_event(storage, event, "off")


async def test_what_lands_after_a_deletion_is_deleted(
    clients: Clients, uploader: StreamUploader, stream: SampleStream, service: BlobServiceClient
) -> None:
    clock = Clock()
    id_ = await begin(clients, stream.call, clock)
    await run_deletion(clients.storage, id_, clock)
    receipt = await receipt_of(clients, id_)
    await land(uploader, stream)
    await assert_nothing_left(service, stream.call)
    assert await receipt_of(clients, id_) == receipt
    with pytest.raises(CallDeleted):
        await read_record(clients.storage, stream.call)


async def test_what_lands_during_a_deletion_is_deleted(
    clients: Clients,
    uploader: StreamUploader,
    stream: SampleStream,
    service: BlobServiceClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It lands between the last look at the containers and the receipt."""
    clock, landings = Clock(), 0
    change = deletions.change_deletion

    async def land_first(storage: Any, id_: str, apply: Any) -> Any:
        nonlocal landings
        if landings < 2 and not await clients.storage.blob_names(names.SEGMENTS, stream.call):
            landings += 1
            await land(uploader, stream)
        return await change(storage, id_, apply)

    monkeypatch.setattr(run, "change_deletion", land_first)
    id_ = await begin(clients, stream.call, clock)
    await run_deletion(clients.storage, id_, clock)
    assert landings == 2
    await assert_nothing_left(service, stream.call)
    counts = {d.container: d.count for d in (await receipt_of(clients, id_)).deleted}
    assert counts[names.SEGMENTS] == 6


async def test_an_event_whose_record_was_begun_before_the_deletion_brings_nothing_back(
    clients: Clients, service: BlobServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer found no tombstone, and writes when all is deleted."""
    clock, call = Clock(), new_call_id()
    await clients.storage.create_containers()
    create = clients.storage.create

    async def create_late(container: str, blob: str, content: bytes) -> str | None:
        if container == blobs.CALLS:
            monkeypatch.setattr(clients.storage, "create", create)
            await run_deletion(clients.storage, await begin(clients, call, clock), clock)
        return await create(container, blob, content)

    monkeypatch.setattr(clients.storage, "create", create_late)
    with pytest.raises(CallDeleted):
        await record_callback_event(
            clients.storage, create_event(call, "CallConnected", clock()), "off"
        )
    assert await search(service, [call], exempt=EXEMPT) == []


async def test_the_service_s_failure_ends_a_run_and_the_next_one_goes_on(
    clients: Clients,
    stream: SampleStream,
    service: BlobServiceClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    id_ = await begin(clients, stream.call, clock)

    async def fail(*_: Any, **__: Any) -> None:
        raise ServiceRequestError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(BlobClient, "delete_blob", fail)
        with pytest.raises(ServiceRequestError):
            await run_deletion(clients.storage, id_, clock)
    clock.advance(minutes=6)
    assert not await run_deletion(clients.storage, id_, clock)
    await assert_nothing_left(service, stream.call)


async def test_what_the_service_refuses_to_delete_remains_and_is_tried_again(
    clients: Clients,
    stream: SampleStream,
    service: BlobServiceClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Source of the error: Blob Storage's error codes, for an immutability policy."""
    clock, delete = Clock(), BlobClient.delete_blob

    async def refuse_recordings(client: BlobClient, *args: Any, **options: Any) -> None:
        if client.container_name == blobs.RECORDINGS:
            error = HttpResponseError("immutable")
            error.error_code = "BlobImmutableDueToPolicy"  # type: ignore[attr-defined]
            raise error
        await delete(client, *args, **options)

    id_ = await begin(clients, stream.call, clock)
    with monkeypatch.context() as patch:
        patch.setattr(BlobClient, "delete_blob", refuse_recordings)
        assert not await run_deletion(clients.storage, id_, clock)
    receipt = await receipt_of(clients, id_)
    assert (receipt.state, receipt.completed_at, receipt.digest) == ("waiting", None, "")
    (remaining,) = receipt.remaining
    assert (remaining.container, remaining.count, remaining.until) == (blobs.RECORDINGS, 2, None)
    assert blobs.RECORDINGS not in {deleted.container for deleted in receipt.deleted}
    with pytest.raises(CallDeleted):
        await read_record(clients.storage, stream.call)
    assert await list_unfinished(clients.storage) == [id_]
    await run_deletion(clients.storage, id_, clock)
    assert (await receipt_of(clients, id_)).state == "waiting", "it is not tried at once"
    clock.advance(days=1)
    await run_deletion(clients.storage, id_, clock)
    receipt = await receipt_of(clients, id_)
    assert (receipt.state, receipt.remaining) == ("completed", [])
    await assert_nothing_left(service, stream.call)


async def test_segments_alone_can_be_deleted(
    clients: Clients, stream: SampleStream, service: BlobServiceClient
) -> None:
    clock, call = Clock(), stream.call
    deletion = await begin_deletion(clients.storage, call, "segments", ADMIN, clock())
    assert (await read_disposition(clients.storage, call)).running == deletion.receipt.id
    assert not await run_deletion(clients.storage, deletion.receipt.id, clock)
    assert (await read_disposition(clients.storage, call)).running is None
    left = {hit.partition("/")[0] for hit in await search(service, [call], exempt=EXEMPT)}
    assert not left & {names.SEGMENTS, names.MANIFESTS, names.DRAFTS, names.REJECTED}
    assert left >= {blobs.CALLS, blobs.RESULTS, blobs.RECORDINGS}
    assert (await read_record(clients.storage, call)).call_connection_id == call
    assert not await delete_late_arrivals(clients.storage, call)


async def test_that_a_call_was_deleted_is_told_before_its_deletion_is_done(
    uploader: StreamUploader, stream: SampleStream
) -> None:
    """While the queue is away, the deletion stays unfinished: nothing else would remember."""
    clients, clock = uploader.clients, Clock()

    def apply(record: CallRecord) -> bool:
        record.webhook_url = "https://hooks.example/calls"
        return True

    await change_record(clients.storage, stream.call, apply)
    queue: Any = Sent(ServiceRequestError("away"))
    clients.storage.subscribers = Subscribers(lambda: queue)
    id_ = await begin(clients, stream.call, clock)
    with pytest.raises(ServiceRequestError):
        await run_deletion(clients.storage, id_, clock)
    assert await list_unfinished(clients.storage) == [id_]
    queue.error = None
    assert not await run_deletion(clients.storage, id_, clock)
    (body,) = queue.bodies
    deleted = decode_event(body).deleted
    assert deleted is not None
    assert (deleted.deletion_id, deleted.webhook_url) == (id_, "https://hooks.example/calls")
    assert await list_unfinished(clients.storage) == []
    assert (await read_deletion(clients.storage, id_)).webhook_url is None
