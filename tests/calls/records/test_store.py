"""Call records in a real Azurite: changed under their ETag, and logged before they are written."""

from __future__ import annotations

import asyncio

import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import CallNotFound, Contended
from calls.records.change_log import read_checkpoint, read_entries
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from tests.calls.call_events import record_events
from tests.calls.sample_streams import STARTED_AT, new_call_id


async def test_a_call_without_a_record_is_not_found(clients: Clients) -> None:
    call = new_call_id()
    with pytest.raises(CallNotFound, match=call):
        await read_record(clients.storage, call)
    with pytest.raises(CallNotFound, match=call):
        await change_record(clients.storage, call, lambda _: True)
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def logged_revisions(clients: Clients, call: str) -> list[int]:
    """The revisions of a call in the log since the checkpoint."""
    checkpoint, _ = await read_checkpoint(clients.storage)
    read = await read_entries(clients.storage, checkpoint.position)
    return [entry.revision for entry in read[0] if entry.call == call] if read else []


async def test_a_new_record_is_written_and_logged(clients: Clients) -> None:
    call = new_call_id()

    def apply(record: CallRecord) -> bool:
        record.to = "+15551230000"
        return True

    record = await change_record(clients.storage, call, apply, create_at=STARTED_AT)
    assert (record.call_connection_id, record.created_at) == (call, STARTED_AT)
    assert await read_record(clients.storage, call) == record
    assert await logged_revisions(clients, call) == [0]


async def test_a_record_that_does_not_change_is_not_written(clients: Clients) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    before = await clients.storage.read(blobs.CALLS, blobs.call_blob(call))
    await change_record(clients.storage, call, lambda _: False)
    after = await clients.storage.read(blobs.CALLS, blobs.call_blob(call))
    assert before is not None
    assert after is not None
    assert after.etag == before.etag
    assert await logged_revisions(clients, call) == [0]


async def test_a_change_is_logged_before_it_is_written(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)

    async def die(*_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patched:
        patched.setattr(clients.storage, "replace", die)
        with pytest.raises(TimeoutError):
            await change_record(clients.storage, call, lambda _: True)
    assert (await read_record(clients.storage, call)).revision == 0
    assert await logged_revisions(clients, call) == [0, 1]
    record = await change_record(clients.storage, call, lambda _: True)
    assert record.revision == 1
    assert await logged_revisions(clients, call) == [0, 1, 1]


async def test_changes_at_the_same_time_are_all_kept(clients: Clients) -> None:
    """Some also create the record."""
    call = new_call_id()

    async def change(name: str) -> None:
        def apply(record: CallRecord) -> bool:
            record.participants.append(name)
            return True

        await change_record(clients.storage, call, apply, create_at=STARTED_AT)

    names = [f"4:+1555000000{number}" for number in range(6)]
    await asyncio.gather(*map(change, names))
    record = await read_record(clients.storage, call)
    assert sorted(record.participants) == names
    assert max(await logged_revisions(clients, call)) == record.revision == 5


async def test_a_record_that_changes_before_every_attempt_is_contended(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = new_call_id()
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)

    async def replace(*_: object) -> bool:
        return False

    monkeypatch.setattr(clients.storage, "replace", replace)
    with pytest.raises(Contended, match=call):
        await change_record(clients.storage, call, lambda _: True)


async def test_what_the_change_raises_leaves_the_record_as_it_was(clients: Clients) -> None:
    call = new_call_id()

    def fail(record: CallRecord) -> bool:
        record.to = "+15551230000"
        raise LookupError

    with pytest.raises(LookupError):
        await change_record(clients.storage, call, fail, create_at=STARTED_AT)
    with pytest.raises(CallNotFound):
        await read_record(clients.storage, call)
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
    with pytest.raises(LookupError):
        await change_record(clients.storage, call, fail)
    assert (await read_record(clients.storage, call)).to is None


async def test_a_write_that_reaches_a_milestone_is_reported_and_no_other(clients: Clients) -> None:
    call, reported = new_call_id(), list[str]()

    class Listening:
        async def report(self, call: str) -> None:
            record = await read_record(clients.storage, call)
            assert record.milestones, "the record is written before it is reported"
            reported.append(call)

    clients.storage.subscribers = Listening()  # type: ignore[assignment]
    await record_events(clients.storage, call, STARTED_AT, "CallConnected")
    assert reported == [call], "at its creation"
    await record_events(clients.storage, call, STARTED_AT, "CallConnected", notes="changed")
    assert reported == [call]
    await record_events(clients.storage, call, STARTED_AT, "CallDisconnected", result_state="none")
    assert reported == [call, call]
