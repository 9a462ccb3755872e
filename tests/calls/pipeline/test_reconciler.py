"""The reconciler does what lost events have left undone, with Azurite and the ACS emulator."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from azure.core.exceptions import HttpResponseError

from acs import events
from acs.events import CallbackEvent, EventData
from calls import blobs
from calls.clients import Clients
from calls.pipeline import fair_run, reconciler, storage_events
from calls.pipeline.fair_run import SAVE_SECONDS
from calls.pipeline.reconciler import RUN_SECONDS
from calls.records import store
from calls.records.derive import add_event
from calls.records.model import CallRecord, new_record
from calls.records.unsettled import UnsettledCall, add_unsettled, list_unsettled
from calls.results import assembly, failures
from calls.storage import Storage
from calls.transcripts.engine import Phrase
from calls.transcripts.messages import Send
from contract import names
from tests.calls.call_events import create_event
from tests.calls.engines import ScriptedEngine, UseEngine
from tests.calls.memory_storage import MemoryStorage
from tests.calls.sample_streams import SampleStream, conversation, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader, send_nothing

LATER = timedelta(hours=1)
Run = Callable[[], Awaitable[list[str]]]
REQUESTS_PER_RUN = 2 + round(RUN_SECONDS / SAVE_SECONDS) + 1
"""The list of unsettled calls, the position of the last run, and where this one is."""
REQUESTS_PER_CALL = 8
"""At most, of an ended call whose stream is open: its record, lists, and its result twice."""
REQUEST_SECONDS = 0.025
LEEWAY = timedelta(seconds=2)
"""More than the precision of a blob's Last-Modified."""


@pytest_asyncio.fixture
async def run(uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The function of the timer. It sees only the calls that the test creates."""
    earlier = {entry.call_connection_id for entry in await list_unsettled(uploader.storage)}

    async def list_new(storage: Storage) -> list[UnsettledCall]:
        entries = await list_unsettled(storage)
        return [entry for entry in entries if entry.call_connection_id not in earlier]

    monkeypatch.setattr(reconciler, "list_unsettled", list_new)
    monkeypatch.setattr(reconciler, "get_clients", lambda: uploader.clients)
    return reconciler.reconcile_calls


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


async def is_unsettled(uploader: StreamUploader, call: str) -> bool:
    return call in {entry.call_connection_id for entry in await list_unsettled(uploader.storage)}


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


async def test_a_stream_that_was_postponed_is_assembled_if_the_call_goes_on_for_long(
    uploader: StreamUploader,
) -> None:
    call, now = await create_call(uploader, ended=False), datetime.now(UTC)
    first, second = (
        SampleStream(call, {None: noise(16_000, n)}, start=now + timedelta(seconds=2 * n))
        for n in range(2)
    )
    for stream in (first, second):
        await uploader.upload_segments(stream)
        await uploader.analyse_segments(stream)
        await uploader.upload_manifest(stream)
        await storage_events.process_manifest(uploader.clients, *stream.manifest_blob)
    for after, streams in ((timedelta(seconds=30), 1), (timedelta(seconds=90), 2)):
        record = await reconcile(uploader, call, after)
        assert record.summary is not None
        assert record.summary.streams == streams


async def test_a_call_whose_end_was_lost_is_final_with_postponed_streams(
    uploader: StreamUploader, acs_clients: Clients
) -> None:
    """Neither the call's end nor a message about it came: the reconciler finds both."""
    call, now = await create_call(uploader, ended=False), datetime.now(UTC)
    for n in range(2):
        stream = SampleStream(call, {None: noise(16_000, n)}, start=now + timedelta(seconds=2 * n))
        await uploader.upload_segments(stream)
        await uploader.analyse_segments(stream)
        await uploader.upload_manifest(stream)
        await storage_events.process_manifest(acs_clients, *stream.manifest_blob)
    record = await reconcile(uploader, call, LATER)
    assert (record.state, record.result_state) == ("disconnected", "final")
    assert record.summary is not None
    assert record.summary.streams == 2


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


async def test_a_segment_that_lands_after_its_call_was_finalized_is_in_the_result(
    uploader: StreamUploader, run: Run
) -> None:
    """Its streamer was without Blob Storage for long, and then died before its manifest."""
    call = await create_call(uploader)
    stream = SampleStream(call, {None: noise(48_000)}, segment_seconds=1)
    *early, late = stream.files
    await uploader.upload_segments(stream, leave_out=[late])
    assert (await reconcile(uploader, call, LATER)).finalized
    await run()
    assert not await is_unsettled(uploader, call)

    await uploader.upload_segments(stream, leave_out=early)
    await uploader.analyse_segment(stream, late)
    assert await is_unsettled(uploader, call)
    record = await reconcile(uploader, call, LATER)
    assert record.summary is not None
    assert (record.summary.segments, record.finalized) == (3, True)


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


async def test_a_call_is_unsettled_until_it_is_finalized(
    uploader: StreamUploader, run: Run
) -> None:
    call = await create_call(uploader)
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    await run()
    assert await is_unsettled(uploader, call), "its last event is too recent"
    uploader.clients.settings = msgspec.structs.replace(
        uploader.clients.settings, partial_after_seconds=0
    )
    await asyncio.sleep(1.1)
    await run()
    assert (await store.read_record(uploader.storage, call)).finalized
    assert not await is_unsettled(uploader, call)


async def test_an_entry_that_outlived_its_call_s_finalization_is_removed(
    uploader: StreamUploader, run: Run
) -> None:
    """The process died between the two writes."""
    call = await create_call(uploader)
    assert (await reconcile(uploader, call, LATER)).finalized
    assert await is_unsettled(uploader, call)
    await run()
    assert not await is_unsettled(uploader, call)


@pytest.mark.parametrize(("age", "removed"), [(timedelta(0), False), (timedelta(hours=1), True)])
async def test_an_old_entry_without_a_record_is_removed(
    uploader: StreamUploader,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    age: timedelta,
    removed: bool,
) -> None:
    call = new_call_id()
    await add_unsettled(uploader.storage, call)
    monkeypatch.setattr(reconciler, "WITHOUT_RECORD", timedelta(hours=1) - age - LEEWAY)
    await run()
    assert await is_unsettled(uploader, call) != removed


@pytest.mark.parametrize(
    "error", [ValueError("an unreadable blob"), HttpResponseError("503"), TimeoutError()]
)
async def test_a_run_reconciles_all_unsettled_calls_even_if_one_fails(
    uploader: StreamUploader,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    calls = [await create_call(uploader) for _ in range(3)]
    reconciled = []

    async def reconcile_call(_: Clients, call: str, __: datetime, send: Send) -> bool:
        if call == calls[1]:
            raise error
        reconciled.append(call)
        send(call)
        return call == calls[2]

    monkeypatch.setattr(reconciler, "reconcile_call", reconcile_call)
    assert await run() == reconciled, "each transcript is requested"
    assert {calls[0], calls[2]} <= set(reconciled)
    assert f"reconcile_failed call={calls[1]}" in caplog.messages
    assert [await is_unsettled(uploader, call) for call in calls] == [True, True, False]


async def test_a_call_that_takes_too_long_is_left_to_the_next_run(
    uploader: StreamUploader,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = await create_call(uploader)

    async def reconcile_call(_: Clients, visited: str, *__: object) -> bool:
        if visited == call:
            await asyncio.sleep(60)
        return False

    monkeypatch.setattr(reconciler, "CALL_SECONDS", 0.1)
    monkeypatch.setattr(reconciler, "reconcile_call", reconcile_call)
    await run()
    assert f"reconcile_failed call={call}" in caplog.messages
    assert await is_unsettled(uploader, call)


async def test_runs_without_time_reach_every_call_in_the_end(
    uploader: StreamUploader, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {await create_call(uploader) for _ in range(4)}
    reconciled: list[str] = []
    clock: Any = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)

    async def reconcile_call(_: Clients, call: str, *__: object) -> bool:
        reconciled.append(call)
        clock.now += RUN_SECONDS
        return False

    monkeypatch.setattr(reconciler, "reconcile_call", reconcile_call)
    monkeypatch.setattr(fair_run, "time", clock)
    monkeypatch.setattr(reconciler, "CALLS_AT_ONCE", 1)
    for _ in range(2 * len(calls)):
        await run()
    assert {call: reconciled.count(call) for call in calls} == dict.fromkeys(calls, 2)


async def test_a_run_goes_on_although_its_position_cannot_be_saved(
    uploader: StreamUploader,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = await create_call(uploader)
    assert (await reconcile(uploader, call, LATER)).finalized

    async def fail(*_: object) -> None:
        raise HttpResponseError("503")

    monkeypatch.setattr(reconciler, "write_position", fail)
    await run()
    assert "reconciler_position_not_saved error=HttpResponseError" in caplog.messages
    assert not await is_unsettled(uploader, call)


async def test_of_100_000_calls_none_starves(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,000 of them have ended and wait for their last segments, for more than a run can visit."""
    now, waiting = datetime.now(UTC), [f"unsettled-{number:04d}" for number in range(3000)]
    storage = MemoryStorage(modified_at=now, request_seconds=REQUEST_SECONDS)
    settled = new_record("settled", now)
    settled.finalized = True
    names_of_settled = (f"settled-{number:06d}" for number in range(100_000))
    content = msgspec.json.encode(settled)
    storage.fill(blobs.CALLS, {blobs.call_blob(call): content for call in names_of_settled})
    for call in waiting:
        record = new_record(call, now)
        add_event(record, create_event(call, "CallConnected", now))
        add_event(record, create_event(call, "CallDisconnected", now))
        storage.fill(blobs.CALLS, {blobs.call_blob(call): msgspec.json.encode(record)})
        storage.fill(blobs.UNSETTLED, {blobs.unsettled_blob(call): b""})
        stream = f"{now:%Y%m%dT%H%M%S}000Z-00000000"
        storage.fill(names.DRAFTS, {names.stream_marker(call, stream): b""})
    monkeypatch.setattr(uploader.clients, "storage", storage)
    monkeypatch.setattr(reconciler, "get_clients", lambda: uploader.clients)
    monkeypatch.setattr(time, "monotonic", lambda: storage.now)

    visits_of = Counter(dict.fromkeys(waiting, 0))
    runs = 0
    while min(visits_of.values()) < 2:
        runs, before, storage.reads = runs + 1, storage.requests, []
        await reconciler.reconcile_calls()
        requests = storage.requests - before
        assert requests * REQUEST_SECONDS <= RUN_SECONDS + 2
        own = [path for path in storage.reads if path.startswith(f"{blobs.CALLS}/")]
        visits = list(dict.fromkeys(path[len("calls/") : -len(".json")] for path in own))
        assert len(visits) == len(own), "each record is read once"
        assert requests <= REQUESTS_PER_RUN + REQUESTS_PER_CALL * len(visits)
        visits_of.update(visits)
        # Each has its turn before any has another one.
        assert max(visits_of.values()) - min(visits_of.values()) <= 1
    assert 4 < runs <= 2 * len(waiting) * REQUESTS_PER_CALL * REQUEST_SECONDS / RUN_SECONDS + 2


def test_a_run_ends_well_before_the_host_stops_it() -> None:
    host = json.loads((Path(__file__).parents[3] / "host.json").read_bytes())
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    function_seconds = 3600 * hours + 60 * minutes + seconds
    assert function_seconds - 60 >= reconciler.RUN_SECONDS + reconciler.CALL_SECONDS
