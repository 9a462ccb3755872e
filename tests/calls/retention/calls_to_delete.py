"""A call with something in every container, and a search for what is left of it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs
from calls.control.grants import bind_grant, create_grant, end_grants, note_grant
from calls.control.idempotency import KeyClaim, claim_key, complete_key
from calls.principals import Principal
from calls.results import failures
from calls.results.exports import order_export, write_order
from calls.results.renditions import Rendition, make_rendition
from calls.storage import Storage
from calls.transcripts.engine import Phrase
from contract import names
from contract.manifest import encode_manifest
from tests.calls.call_events import record_events
from tests.calls.sample_streams import STARTED_AT, SampleStream, conversation, new_call_id
from tests.calls.stream_uploader import StreamUploader

AGENT, CALLER = "4:+15550000001", "4:+15550000002"
NUMBERS = ("15550000001", "15550000002")
WORDS = "the words that were spoken"
ADMIN = Principal(kind="key", id="admin", name="Admin")
EXEMPT = {blobs.RETENTION, blobs.AUDIT, f"{blobs.INDEX}/{blobs.LOG_PREFIX}"}
"""Where a call's id, but no number or word, stays: its tombstone, its receipt, the audit trail, and
the change log."""


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def _speech(side: str) -> bytes:
    """The first seconds of one side of a conversation."""
    return conversation(side)[: 8 * 16_000 * 2]


async def say_words() -> list[Phrase]:
    """What an engine understands."""
    return [Phrase(start_ms=0, end_ms=500, text=WORDS)]


async def create_call(uploader: StreamUploader, *, is_processed: bool = False) -> SampleStream:
    """Create an ended call of two participants, with something in every container.

    Its results are made of its audio only if ``is_processed``.
    """
    call = new_call_id()
    storage, correlation = uploader.storage, f"correlation-of-{call}"
    token = await create_grant(storage, STARTED_AT)
    await note_grant(storage, token, call)
    await bind_grant(storage, token, call, correlation)
    await record_events(
        storage,
        call,
        STARTED_AT,
        "CallConnected",
        "CallDisconnected",
        to=AGENT[2:],
        from_=CALLER[2:],
        names={AGENT: "Alex Agent"},
        direction="outgoing",
        correlation_id=correlation,
    )
    await end_grants(storage, call, STARTED_AT)
    stream = SampleStream(call, {AGENT: _speech("agent"), CALLER: _speech("caller")})
    await storage.put(names.DRAFTS, names.stream_marker(call, stream.stream_id), b"")
    await storage.put(names.DRAFTS, stream.manifest_blob[0], encode_manifest(stream.manifest))
    if is_processed:
        await uploader.process(stream)
        recording = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
        assert recording is not None
        await make_rendition(storage, call, Rendition("wav", "mono"), recording)
        document = f"{AGENT}: {WORDS}".encode()
        await write_order(storage, call, order_export({"call.json": document}, recording))
        await storage.put(blobs.RESULTS, blobs.export_zip_blob(call), document)
    else:
        await uploader.upload_segments(stream)
        await uploader.upload_manifest(stream)
        await _write_results(storage, call)
    claim = await claim_key(storage, ADMIN, f"key-of-{call}", "fingerprint")
    assert isinstance(claim, KeyClaim)
    await complete_key(storage, claim, call)
    await storage.put(blobs.IDEMPOTENCY, blobs.incoming_blob(correlation), b"{}")
    blob = next(iter(stream.files))
    await failures.write_failure(
        storage, failures.new_failure(names.SEGMENTS, blob, "an error", STARTED_AT)
    )
    await reject(storage, stream)
    return stream


async def _write_results(storage: Storage, call: str) -> None:
    """Write something in the place of each result."""
    content = msgspec.json.encode({"participant": AGENT, "text": WORDS})
    for blob in (
        blobs.call_result_blob(call),
        blobs.turn_blob(call),
        blobs.transcript_blob(call),
        blobs.chunk_blob(call, "0123"),
        blobs.export_blob(call, "order"),
        blobs.export_zip_blob(call),
    ):
        await storage.put(blobs.RESULTS, blob, content)
    for blob in (blobs.recording_blob(call), blobs.rendition_blob(call, "mono.wav")):
        await storage.put(blobs.RECORDINGS, blob, content)
    await storage.put(blobs.EVENTS, blobs.segment_log_blob(call), content)
    await storage.put(blobs.DELIVERIES, blobs.delivery_blob(f"{call}.0123456789abcdef"), content)


async def reject(storage: Storage, stream: SampleStream) -> None:
    """Reject files of a stream, as the streamer does."""
    state = msgspec.json.encode({"call_connection_id": stream.call, "participant": AGENT})
    number = int(stream.stream_id[-8:], 16)
    unknown_stream = f"{stream.stream_id[:-8]}{number ^ 1:08x}"
    for blob in (
        f"segments/{next(iter(stream.files)).removesuffix('.wav')}.0123abcd.wav",
        f"manifests/{stream.call}/{stream.stream_id}.0123abcd.json",
        f"drafts/{stream.call}/{stream.stream_id}.p1.0123abcd.note",
        f"{names.rejected_stream(stream.call, stream.stream_id)}segments.0123abcd.jsonl",
        f"{names.rejected_stream(stream.call, unknown_stream)}stream.0.0123abcd.json",
    ):
        await storage.put(names.REJECTED, blob, state)


async def search(
    service: BlobServiceClient, texts: Iterable[str], exempt: Iterable[str] = ()
) -> list[str]:
    """Return the blobs of the whole account that have one of the texts anywhere.

    It looks at the names, metadata, tags and contents of all blobs in all containers, without those
    that are ``exempt`` as a whole or by their names' beginning. What is compressed is decompressed.
    """
    wanted = [text.encode() for text in texts]
    limit = asyncio.Semaphore(16)

    async def is_hit(container: str, blob: BlobProperties) -> bool:
        client = service.get_blob_client(container, blob.name, snapshot=blob.snapshot)
        try:
            async with limit:
                content = await (await client.download_blob()).readall()
                tags = await client.get_blob_tags() if blob.snapshot is None else {}
        except ResourceNotFoundError:
            # It has been deleted since it was listed.
            return False
        if blob.name.endswith(".gz"):
            content = gzip.decompress(content)
        parts = [blob.name.encode(), repr((blob.metadata, tags)).encode(), content]
        return any(text in part for text in wanted for part in parts)

    listing = [
        (container.name, blob)
        async for container in service.list_containers()
        if container.name not in exempt
        async for blob in service.get_container_client(container.name).list_blobs(
            include=["metadata", "snapshots"]
        )
        if not f"{container.name}/{blob.name}".startswith(tuple(exempt))
    ]
    are_hits = await asyncio.gather(*(is_hit(*stored) for stored in listing))
    return [
        f"{container}/{blob.name}"
        for (container, blob), hit in zip(listing, are_hits, strict=True)
        if hit
    ]
