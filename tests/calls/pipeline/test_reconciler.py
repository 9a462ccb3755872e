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
from calls import assembly, failures, reconciler, store
from calls.clients import call_automation_client
from calls.records import CallRecord, add_event
from contract import names
from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.calls.conftest import Landing
from tests.calls.made import MadeStream, new_call, noise

KEY = base64.b64encode(bytes(32)).decode()
LATER = timedelta(hours=1)


@pytest_asyncio.fixture
async def acs(landing: Landing) -> AsyncIterator[EmulatorServer]:
    server = EmulatorServer(EmulatorSettings(KEY, "resource", port=0))
    await server.start()
    clients = landing.clients
    settings = msgspec.structs.replace(
        clients.settings, acs_endpoint=server.endpoint, acs_access_key=KEY
    )
    await clients.call_automation.close()
    clients.call_automation = call_automation_client(settings)
    yield server
    await server.stop()


async def begun(landing: Landing, *, ended: bool = True) -> str:
    """A call, by its events; its id."""
    call = new_call()
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

        await store.change_record(landing.clients.storage, call, apply, create_at=now)
    return call


async def mend(landing: Landing, call: str, after: timedelta) -> CallRecord:
    await reconciler.mend(landing.clients, call, datetime.now(UTC) + after)
    return await store.read_record(landing.clients.storage, call)


async def test_segments_whose_events_were_lost(landing: Landing) -> None:
    call = await begun(landing)
    stream = MadeStream(call, {None: noise(48_000)}, segment_seconds=1)
    await landing.upload(stream)
    await landing.manifest(stream)
    assert (await mend(landing, call, timedelta(seconds=200))).summary is None, "too early"
    record = await mend(landing, call, timedelta(seconds=400))
    assert record.summary is not None
    assert (record.summary.segments, record.summary.missing_segments) == (3, 0)
    assert (record.summary.partial, record.finalized) == (False, False)
    assert (await mend(landing, call, LATER)).finalized


async def test_a_manifest_whose_event_was_lost(landing: Landing) -> None:
    call = await begun(landing)
    stream = MadeStream(call, {None: noise(16_000)})
    await landing.upload(stream)
    for blob in stream.files:
        await landing.event(stream, blob)
    blob, content = stream.manifest_blob
    await landing.clients.storage.put(names.MANIFESTS, blob, content)
    assert (await mend(landing, call, timedelta())).summary is not None


async def test_a_call_whose_manifest_never_came(landing: Landing) -> None:
    call = await begun(landing)
    stream = MadeStream(call, {None: noise(16_000)})
    await landing.upload(stream)
    assert (await mend(landing, call, timedelta(seconds=400))).summary is None
    record = await mend(landing, call, LATER)
    assert record.summary is not None
    assert (record.summary.partial, record.finalized) == (True, True)
    await landing.manifest(stream)
    record = await store.read_record(landing.clients.storage, call)
    assert record.summary is not None
    assert not record.summary.partial, "it came after all"


async def test_a_segment_that_never_landed(landing: Landing) -> None:
    call = await begun(landing)
    stream = MadeStream(call, {None: noise(48_000)}, segment_seconds=1)
    await landing.upload(stream, leave_out=[list(stream.files)[1]])
    await landing.manifest(stream)
    record = await mend(landing, call, LATER)
    assert record.summary is not None
    assert (record.summary.missing_segments, record.finalized) == (1, True)


async def test_a_forgotten_segment_that_is_broken_is_a_failure(landing: Landing) -> None:
    call = await begun(landing)
    stream = MadeStream(call, {None: noise(16_000)})
    (blob,) = stream.files
    stream.files[blob] = (b"nothing", stream.files[blob][1])
    await landing.upload(stream)
    await landing.manifest(stream)
    record = await mend(landing, call, LATER)
    assert len(await failures.of_call(landing.clients.storage, call)) == 1
    assert record.summary is not None
    result = await assembly.read_result(landing.clients.storage, call)
    assert result is not None
    assert len(result.timeline.missing_segments) == 1


async def test_a_call_that_acs_knows_no_more_is_over(landing: Landing, acs: EmulatorServer) -> None:
    call = await begun(landing, ended=False)
    assert (await mend(landing, call, timedelta(seconds=60))).state == "connected", "too early"
    record = await mend(landing, call, LATER)
    assert record.state == "disconnected"
    assert record.result is not None
    assert "reconciler" in str(record.result.message)
    assert (await mend(landing, call, 2 * LATER)).finalized


async def test_while_acs_does_not_answer_a_call_goes_on(landing: Landing) -> None:
    call = await begun(landing, ended=False)
    record = await mend(landing, call, LATER)
    assert (record.state, record.finalized) == ("connected", False)


async def test_only_the_newest_calls_are_looked_through(landing: Landing) -> None:
    call = await begun(landing)
    now = datetime.now(UTC)
    assert call in await reconciler.newest(landing.clients, now)
    assert call not in await reconciler.newest(landing.clients, now + timedelta(hours=49))


async def test_a_call_that_is_settled_is_left_alone(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await begun(landing)
    await landing.all(MadeStream(call, {None: noise(16_000)}))
    assert (await mend(landing, call, LATER)).finalized

    async def fail(*_: object, **__: object) -> bool:
        raise AssertionError("it was put together again")

    monkeypatch.setattr(storage_events, "put_together", fail)
    await mend(landing, call, LATER)
