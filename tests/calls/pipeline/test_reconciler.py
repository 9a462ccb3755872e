"""The reconciler does what lost events have left undone, with Azurite and the ACS emulator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from acs import events
from acs.events import CallbackEvent, EventData
from calls.clients import Clients
from calls.pipeline import reconciler, storage_events
from calls.records import store
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.results import assembly, failures
from calls.transcripts.engine import Phrase
from contract import names
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.sample_streams import SampleStream, conversation, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader, send_nothing

LATER = timedelta(hours=1)


async def create_call(uploader: StreamUploader, *, ended: bool = True) -> str:
    """Create a call's record from its events; returns its id."""
    call = new_call_id()
    now = datetime.now(UTC)
    types = [events.CALL_CONNECTED] + [events.CALL_DISCONNECTED] * ended
    for number, type_ in enumerate(types):
        event = CallbackEvent(
            id=f"{number}",
            type=type_,
            time=now + timedelta(seconds=number),
            data=EventData(call_connection_id=call),
        )

        def apply(record: CallRecord, event: CallbackEvent = event) -> bool:
            return add_event(record, event)

        await store.change_record(uploader.storage, call, apply, create_at=now)
    return call


async def reconcile(
    uploader: StreamUploader, call: str, after: timedelta, messages: list[str] | None = None
) -> CallRecord:
    send = send_nothing if messages is None else messages.append
    await reconciler.reconcile_call(uploader.clients, call, datetime.now(UTC) + after, send)
    return await store.read_record(uploader.storage, call)


async def test_segments_whose_events_were_lost_are_analysed(uploader: StreamUploader) -> None:
    call = await create_call(uploader)
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    await uploader.finish_stream(stream)
    assert (await reconcile(uploader, call, timedelta(seconds=200))).summary is None, "too early"
    record = await reconcile(uploader, call, timedelta(seconds=400))
    assert record.summary is not None
    assert (record.summary.segments, record.summary.missing_segments) == (3, 0)
    assert (record.summary.partial, record.finalized) == (False, False)
    assert (await reconcile(uploader, call, LATER)).finalized


async def test_a_call_whose_manifest_s_event_was_lost_is_assembled(
    uploader: StreamUploader,
) -> None:
    call = await create_call(uploader)
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    for blob in stream.files:
        await uploader.analyse_segment(stream, blob)
    blob, content = stream.manifest_blob
    await uploader.storage.put(names.MANIFESTS, blob, content)
    assert (await reconcile(uploader, call, timedelta())).summary is not None


async def test_a_call_whose_manifest_never_arrived_is_partial(uploader: StreamUploader) -> None:
    call = await create_call(uploader)
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    assert (await reconcile(uploader, call, timedelta(seconds=400))).summary is None
    record = await reconcile(uploader, call, LATER)
    assert record.summary is not None
    assert (record.summary.partial, record.finalized) == (True, True)
    await uploader.finish_stream(stream)
    record = await store.read_record(uploader.storage, call)
    assert record.summary is not None
    assert not record.summary.partial, "the manifest has arrived now"


async def test_a_segment_that_never_landed_is_missing(uploader: StreamUploader) -> None:
    call = await create_call(uploader)
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    await uploader.upload_segments(stream, leave_out=[list(stream.files)[1]])
    await uploader.finish_stream(stream)
    record = await reconcile(uploader, call, LATER)
    assert record.summary is not None
    assert (record.summary.missing_segments, record.finalized) == (1, True)


async def test_an_overlooked_segment_that_is_broken_is_a_failure(uploader: StreamUploader) -> None:
    call = await create_call(uploader)
    stream = SampleStream(call, {None: noise(16_000)})
    (blob,) = stream.files
    stream.files[blob] = (b"nothing", stream.files[blob][1])
    await uploader.upload_segments(stream)
    await uploader.finish_stream(stream)
    record = await reconcile(uploader, call, LATER)
    assert len(await failures.list_failures(uploader.storage, call)) == 1
    assert record.summary is not None
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert len(result.timeline.missing_segments) == 1


async def test_a_call_that_acs_no_longer_knows_has_ended(
    uploader: StreamUploader, acs_clients: Clients
) -> None:
    assert uploader.clients is acs_clients
    call = await create_call(uploader, ended=False)
    assert (await reconcile(uploader, call, timedelta(seconds=60))).state == "connected", (
        "too early"
    )
    record = await reconcile(uploader, call, LATER)
    assert record.state == "disconnected"
    assert record.result is not None
    assert "reconciler" in str(record.result.message)
    assert (await reconcile(uploader, call, 2 * LATER)).finalized


async def test_a_call_goes_on_while_acs_does_not_answer(uploader: StreamUploader) -> None:
    call = await create_call(uploader, ended=False)
    record = await reconcile(uploader, call, LATER)
    assert (record.state, record.finalized) == ("connected", False)


async def test_only_recent_calls_are_listed(uploader: StreamUploader) -> None:
    call = await create_call(uploader)
    now = datetime.now(UTC)
    assert call in await reconciler.list_recent_calls(uploader.clients, now)
    assert call not in await reconciler.list_recent_calls(
        uploader.clients, now + timedelta(hours=49)
    )


async def test_a_finalized_call_is_not_assembled_again(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await create_call(uploader)
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    assert (await reconcile(uploader, call, LATER)).finalized

    async def fail(*_: object, **__: object) -> bool:
        raise AssertionError("it was assembled again")

    monkeypatch.setattr(storage_events, "assemble_call", fail)
    await reconcile(uploader, call, LATER)


async def test_a_transcript_whose_message_was_lost_is_requested_again(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    async def transcribe() -> list[Phrase]:
        return [Phrase(start_ms=0, end_ms=500, text="Good day.")]

    use_engine(ScriptedEngine(transcribe))
    call = await create_call(uploader)
    await uploader.assemble(SampleStream(call, {None: conversation("agent")}))
    for _ in range(2):
        messages: list[str] = []
        record = await reconcile(uploader, call, LATER, messages)
        assert not record.finalized
        (message,) = messages
        assert msgspec.json.decode(message)["call_connection_id"] == call
    await uploader.transcribe(call)
    messages = []
    assert (await reconcile(uploader, call, LATER, messages)).finalized
    assert messages == []


async def test_a_call_is_not_finalized_while_its_transcript_is_being_made(
    uploader: StreamUploader, use_engine: UseEngine
) -> None:
    call = await create_call(uploader)
    messages: list[str] = []

    async def reconcile_meanwhile() -> list[Phrase]:
        assert not (await reconcile(uploader, call, LATER, messages)).finalized
        return []

    use_engine(ScriptedEngine(reconcile_meanwhile))
    await uploader.process(SampleStream(call, {None: conversation("agent")}))
    assert messages == [], "a run is making it"
    assert (await reconcile(uploader, call, LATER)).finalized


async def test_a_run_reconciles_all_recent_calls_even_if_one_fails(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconciler, "get_clients", lambda: uploader.clients)
    calls = [await create_call(uploader) for _ in range(3)]
    reconciled = []

    async def reconcile_call(
        _: Clients, call: str, __: datetime, send: Callable[[str], None]
    ) -> None:
        if call == calls[1]:
            raise ValueError("an unreadable blob")
        reconciled.append(call)
        send(call)

    monkeypatch.setattr(reconciler, "reconcile_call", reconcile_call)
    assert await reconciler.reconcile_calls() == reconciled, "each transcript is requested"
    assert {calls[0], calls[2]} <= set(reconciled)
    assert f"reconcile_failed call={calls[1]}" in caplog.messages
