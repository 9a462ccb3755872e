"""The reconciler mends what lost events have left undone, over Azurite and the ACS emulator."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from acs import events
from acs.events import CallbackEvent, EventData
from calls.clients import call_automation_client
from calls.pipeline import reconciler, storage_events
from calls.records import store
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.results import assembly, failures
from contract import names
from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader

KEY = base64.b64encode(bytes(32)).decode()
LATER = timedelta(hours=1)


@pytest_asyncio.fixture
async def acs(uploader: StreamUploader) -> AsyncIterator[EmulatorServer]:
    server = EmulatorServer(EmulatorSettings(KEY, "resource", port=0))
    await server.start()
    clients = uploader.clients
    settings = msgspec.structs.replace(
        clients.settings, acs_endpoint=server.endpoint, acs_access_key=KEY
    )
    await clients.call_automation.close()
    clients.call_automation = call_automation_client(settings)
    yield server
    await server.stop()


async def begun(uploader: StreamUploader, *, ended: bool = True) -> str:
    """A call, by its events; its id."""
    call = new_call_id()
    now = datetime.now(UTC)
    kinds = [events.CALL_CONNECTED] + [events.CALL_DISCONNECTED] * ended
    for number, kind in enumerate(kinds):
        event = CallbackEvent(
            id=f"{number}",
            type=kind,
            time=now + timedelta(seconds=number),
            data=EventData(call_connection_id=call),
        )

        def apply(record: CallRecord, event: CallbackEvent = event) -> bool:
            return add_event(record, event)

        await store.change_record(uploader.storage, call, apply, create_at=now)
    return call


async def mend(uploader: StreamUploader, call: str, after: timedelta) -> CallRecord:
    await reconciler.reconcile_call(uploader.clients, call, datetime.now(UTC) + after)
    return await store.read_record(uploader.storage, call)


async def test_segments_whose_events_were_lost(uploader: StreamUploader) -> None:
    call = await begun(uploader)
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    await uploader.upload_segments(stream)
    await uploader.finish_stream(stream)
    assert (await mend(uploader, call, timedelta(seconds=200))).summary is None, "too early"
    record = await mend(uploader, call, timedelta(seconds=400))
    assert record.summary is not None
    assert (record.summary.segments, record.summary.missing_segments) == (3, 0)
    assert (record.summary.partial, record.finalized) == (False, False)
    assert (await mend(uploader, call, LATER)).finalized


async def test_a_manifest_whose_event_was_lost(uploader: StreamUploader) -> None:
    call = await begun(uploader)
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    for blob in stream.files:
        await uploader.analyse_segment(stream, blob)
    blob, content = stream.manifest_blob
    await uploader.storage.put(names.MANIFESTS, blob, content)
    assert (await mend(uploader, call, timedelta())).summary is not None


async def test_a_call_whose_manifest_never_came(uploader: StreamUploader) -> None:
    call = await begun(uploader)
    stream = SampleStream(call, {None: noise(16_000)})
    await uploader.upload_segments(stream)
    assert (await mend(uploader, call, timedelta(seconds=400))).summary is None
    record = await mend(uploader, call, LATER)
    assert record.summary is not None
    assert (record.summary.partial, record.finalized) == (True, True)
    await uploader.finish_stream(stream)
    record = await store.read_record(uploader.storage, call)
    assert record.summary is not None
    assert not record.summary.partial, "it came after all"


async def test_a_segment_that_never_landed(uploader: StreamUploader) -> None:
    call = await begun(uploader)
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    await uploader.upload_segments(stream, leave_out=[list(stream.files)[1]])
    await uploader.finish_stream(stream)
    record = await mend(uploader, call, LATER)
    assert record.summary is not None
    assert (record.summary.missing_segments, record.finalized) == (1, True)


async def test_a_forgotten_segment_that_is_broken_is_a_failure(uploader: StreamUploader) -> None:
    call = await begun(uploader)
    stream = SampleStream(call, {None: noise(16_000)})
    (blob,) = stream.files
    stream.files[blob] = (b"nothing", stream.files[blob][1])
    await uploader.upload_segments(stream)
    await uploader.finish_stream(stream)
    record = await mend(uploader, call, LATER)
    assert len(await failures.list_failures(uploader.storage, call)) == 1
    assert record.summary is not None
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert len(result.timeline.missing_segments) == 1


async def test_a_call_that_acs_knows_no_more_is_over(
    uploader: StreamUploader, acs: EmulatorServer
) -> None:
    call = await begun(uploader, ended=False)
    assert (await mend(uploader, call, timedelta(seconds=60))).state == "connected", "too early"
    record = await mend(uploader, call, LATER)
    assert record.state == "disconnected"
    assert record.result is not None
    assert "reconciler" in str(record.result.message)
    assert (await mend(uploader, call, 2 * LATER)).finalized


async def test_while_acs_does_not_answer_a_call_goes_on(uploader: StreamUploader) -> None:
    call = await begun(uploader, ended=False)
    record = await mend(uploader, call, LATER)
    assert (record.state, record.finalized) == ("connected", False)


async def test_only_the_newest_calls_are_looked_through(uploader: StreamUploader) -> None:
    call = await begun(uploader)
    now = datetime.now(UTC)
    assert call in await reconciler.list_recent_calls(uploader.clients, now)
    assert call not in await reconciler.list_recent_calls(
        uploader.clients, now + timedelta(hours=49)
    )


async def test_a_call_that_is_settled_is_left_alone(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await begun(uploader)
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    assert (await mend(uploader, call, LATER)).finalized

    async def fail(*_: object, **__: object) -> bool:
        raise AssertionError("it was put together again")

    monkeypatch.setattr(storage_events, "assemble_call", fail)
    await mend(uploader, call, LATER)
