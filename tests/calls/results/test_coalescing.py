"""Many triggers of one call: few of them run, and all that has landed is in the result."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import azure.functions as func
import msgspec
import pytest

from acs.events import CALL_DISCONNECTED
from calls import blobs
from calls.clients import Clients
from calls.http.callbacks import receive_callbacks
from calls.pipeline import storage_events
from calls.records.model import CallRecord, new_record
from calls.records.store import read_record
from calls.results import assembly, coalescing
from calls.results.coalescing import may_wait, run_in_turn
from contract import names, wav
from tests.calls.call_events import record_events
from tests.calls.counted_requests import count_requests
from tests.calls.lossy_storage import LossyStorage
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader, send_nothing


class Runs:
    """Counts runs, each of which waits until it may go on."""

    def __init__(self) -> None:
        self.count = 0
        self.began = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def run(self) -> int:
        self.count += 1
        self.began.set()
        await self.may_go_on.wait()
        return self.count


async def test_simultaneous_triggers_run_once_and_once_more(clients: Clients) -> None:
    call, runs = new_call_id(), Runs()
    first = asyncio.create_task(run_in_turn(clients.storage, call, runs.run))
    await runs.began.wait()
    others = await asyncio.gather(
        *(run_in_turn(clients.storage, call, runs.run) for _ in range(40))
    )
    assert others == [None] * 40
    runs.may_go_on.set()
    assert (await first, runs.count) == (2, 2)
    assert (await run_in_turn(clients.storage, call, runs.run), runs.count) == (3, 3)


async def test_what_lands_during_a_run_is_seen_by_the_next(clients: Clients) -> None:
    call, runs, landed, seen = new_call_id(), Runs(), [1], []

    async def run() -> None:
        seen.append(len(landed))
        await runs.run()

    first = asyncio.create_task(run_in_turn(clients.storage, call, run))
    await runs.began.wait()
    landed.append(2)
    await run_in_turn(clients.storage, call, run)
    runs.may_go_on.set()
    await first
    assert seen == [1, 2]


async def test_a_run_that_fails_releases_its_turn(clients: Clients) -> None:
    call = new_call_id()

    async def fail() -> None:
        raise ValueError("an unreadable blob")

    async def succeed() -> str:
        return "done"

    for _ in range(2):
        with pytest.raises(ValueError, match="unreadable"):
            await run_in_turn(clients.storage, call, fail)
    assert await run_in_turn(clients.storage, call, succeed) == "done"


async def test_the_turn_of_a_killed_run_expires(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, runs = new_call_id(), Runs()
    killed = asyncio.create_task(run_in_turn(clients.storage, call, runs.run))
    await runs.began.wait()

    async def succeed() -> str:
        return "done"

    assert await run_in_turn(clients.storage, call, succeed) is None
    later = datetime.now(UTC) + coalescing.LIFETIME + timedelta(seconds=1)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return later

    monkeypatch.setattr(coalescing, "datetime", Later)
    assert await run_in_turn(clients.storage, call, succeed) == "done"
    runs.may_go_on.set()
    assert await killed == 1, "it was alive, and has the turn no longer"


async def test_a_turn_that_is_not_the_app_s_is_replaced(clients: Clients) -> None:
    call = new_call_id()
    await clients.storage.put(blobs.RESULTS, blobs.turn_blob(call), b'{"holder": "\xff"}')

    async def succeed() -> str:
        return "done"

    assert await run_in_turn(clients.storage, call, succeed) == "done"


async def test_a_turn_that_seems_free_is_taken_without_a_look(clients: Clients) -> None:
    call = new_call_id()

    async def succeed() -> str:
        return "done"

    with count_requests(clients.storage) as requests:
        assert await run_in_turn(clients.storage, call, succeed, is_free=True) == "done"
    turn = f"{blobs.RESULTS}/{blobs.turn_blob(call)}"
    assert requests == [f"PUT {turn}", f"DELETE {turn}"]


async def test_a_turn_that_only_seemed_free_is_not_taken(clients: Clients) -> None:
    call, runs = new_call_id(), Runs()
    first = asyncio.create_task(run_in_turn(clients.storage, call, runs.run))
    await runs.began.wait()
    assert await run_in_turn(clients.storage, call, runs.run, is_free=True) is None
    runs.may_go_on.set()
    assert (await first, runs.count) == (2, 2), "but another run was requested"


@pytest.mark.parametrize(("other", "count"), [("a", 1), ("b", 2), (None, 2)])
async def test_a_run_for_a_whole_stream_is_not_repeated_for_the_same_one(
    clients: Clients, other: str | None, count: int
) -> None:
    call, runs = new_call_id(), Runs()
    first = asyncio.create_task(run_in_turn(clients.storage, call, runs.run, stream_id="a"))
    await runs.began.wait()
    assert await run_in_turn(clients.storage, call, runs.run, stream_id=other) is None
    runs.may_go_on.set()
    assert (await first, runs.count) == (count, count)


async def test_a_turn_is_released_although_the_response_was_lost(
    clients: Clients, lossy_storage: LossyStorage
) -> None:
    call, runs = new_call_id(), 0
    lossy_clients = Clients(
        msgspec.structs.replace(clients.settings, audio_storage=lossy_storage.connection_string)
    )

    async def run() -> str:
        nonlocal runs
        runs += 1
        lossy_storage.lose_next_write(blobs.turn_blob(call))
        return "done"

    assert await run_in_turn(lossy_clients.storage, call, run) == "done"
    assert (runs, lossy_storage.lost) == (1, [202])
    await lossy_clients.close()


def recorded_until(seconds: float | None, *, ended: bool = False) -> CallRecord:
    """A record of a call that is assembled so far."""
    record = new_record("call", STARTED_AT)
    record.state = "disconnected" if ended else "connected"
    if seconds is not None:
        record.assembled_at = STARTED_AT + timedelta(seconds=seconds)
    return record


@pytest.mark.parametrize(
    ("record", "ended_at", "waits"),
    [
        (recorded_until(None), 10, False),
        (recorded_until(10), 69, True),
        (recorded_until(10), 70, False),
        (recorded_until(3000), 3999, True),
        (recorded_until(3000), 4000, False),
        (recorded_until(10), 5, True),
        (recorded_until(10, ended=True), 11, False),
    ],
)
def test_a_stream_waits_for_further_ones_while_the_call_goes_on(
    record: CallRecord, ended_at: float, waits: bool
) -> None:
    assert may_wait(record, STARTED_AT + timedelta(seconds=ended_at)) == waits


async def test_200_streams_one_after_another_are_assembled_a_few_times(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And all are in the result as soon as the call has ended."""
    clients, call = uploader.clients, new_call_id()
    clients.settings = msgspec.structs.replace(clients.settings, callback_ids_check="off")
    monkeypatch.setattr(storage_events, "get_clients", lambda: clients)
    # Every fifth stream has audio; on the others, no frame came.
    streams = [
        SampleStream(
            call,
            {} if n % 5 else {None: noise(160, n)},
            start=STARTED_AT + timedelta(seconds=n),
        )
        for n in range(200)
    ]
    await record_events(uploader.storage, call, STARTED_AT, "CallConnected")
    await asyncio.gather(*map(uploader.upload_segments, streams))
    await asyncio.gather(*map(uploader.analyse_segments, streams))
    assemblies = []
    for stream in streams:
        await uploader.upload_manifest(stream)
        if await storage_events.process_manifest(clients, *stream.manifest_blob):
            assemblies.append(stream)
    assert [streams.index(stream) for stream in assemblies] == [0, 60, 120, 180]

    messages: list[str] = []
    event = {
        "id": "end",
        "type": CALL_DISCONNECTED,
        "time": (STARTED_AT + timedelta(seconds=200)).isoformat(),
        "data": {"callConnectionId": call},
    }
    request = func.HttpRequest("POST", "/", body=json.dumps([event]).encode())
    await receive_callbacks(clients, request, send=messages.extend)
    (message,) = messages
    await storage_events.on_ended_call(message.encode(), send_nothing)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert [stream.stream_id for stream in result.streams] == [s.stream_id for s in streams]
    record = await read_record(uploader.storage, call)
    assert (record.result_state, record.missing) == ("final", None)
    recording = await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call))
    pause = bytes(2 * (5 * 16_000 - 160))
    assert wav.samples(recording) == pause.join(stream.pcm[None] for stream in streams[::5])

    await receive_callbacks(clients, request, send=messages.extend)
    assert messages == [message], "nothing is left to do"


async def test_the_manifests_of_60_streams_assemble_their_call_once(
    uploader: StreamUploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, runs = new_call_id(), 0
    streams = [
        SampleStream(call, {None: noise(320, n)}, start=STARTED_AT + timedelta(milliseconds=20 * n))
        for n in range(60)
    ]
    await asyncio.gather(*map(uploader.upload_segments, streams))
    await asyncio.gather(*map(uploader.analyse_segments, streams))
    await asyncio.gather(*map(uploader.upload_manifest, streams))
    assemble = assembly.assemble

    async def count(*args: object, **options: object) -> object:
        nonlocal runs
        runs += 1
        # All the others find the turn taken.
        while sum(trigger.done() for trigger in triggers) < len(triggers) - 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return await assemble(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(assembly, "assemble", count)
    triggers = [
        asyncio.create_task(storage_events.assemble_call(uploader.clients, call)) for _ in streams
    ]
    assembled = await asyncio.gather(*triggers)
    assert (runs, sum(assembled)) == (1, 1), "and nothing is left for another run"
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert result.summary.streams == 60
    recording = await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call))
    expected = b"".join(stream.pcm[None] for stream in streams)
    assert wav.samples(recording) == expected
    assert len(await uploader.storage.blob_names(names.MANIFESTS, f"{call}/")) == 60
