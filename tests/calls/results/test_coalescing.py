"""Simultaneous triggers of one call: one of them runs, and at most once more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from calls import blobs
from calls.clients import Clients
from calls.pipeline import storage_events
from calls.results import assembly, coalescing
from calls.results.coalescing import run_in_turn
from contract import names, wav
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader


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


async def test_the_manifests_of_60_streams_assemble_their_call_a_few_times(
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
        return await assemble(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(assembly, "assemble", count)
    assembled = await asyncio.gather(
        *(storage_events.assemble_call(uploader.clients, call) for _ in streams)
    )
    # All are triggered at once, but some may find the turn released: those run again.
    assert (runs, sum(assembled)) <= (5, 5)
    result = await assembly.read_result(uploader.storage, call)
    assert result is not None
    assert result.summary.streams == 60
    recording = await uploader.read_blob(blobs.RECORDINGS, blobs.recording_blob(call))
    expected = b"".join(stream.pcm[None] for stream in streams)
    assert wav.samples(recording) == expected
    assert len(await uploader.storage.blob_names(names.MANIFESTS, f"{call}/")) == 60
