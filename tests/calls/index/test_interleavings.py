"""Writers, deletions, compactions, rebuilds and readers in every order, with deaths in between.

Each request to storage waits for its turn, and chance chooses whose turn it is. In the end, the
living index, one that starts now and a rebuilt one are what the records say, and no day file has a
call whose deletion is completed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from contextvars import ContextVar
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from hypothesis import given, settings
from hypothesis import strategies as st

from calls import blobs
from calls.errors import CallNotFound
from calls.index import day_files
from calls.index.call_index import PENDING_SECONDS, CallIndex
from calls.index.compaction import compact
from calls.index.day_files import remove_call
from calls.index.rebuilding import compare, rebuild
from calls.records.change_log import log_deletion
from calls.records.store import change_record
from calls.storage import Document, Properties
from tests.calls.index.sample_calls import BEGUN_AT, create_record, setting

CALLS = 3
ACTIONS = ("write", "delete", "compact", "rebuild", "read")
_DEATH = 0.02
"""The share of requests within which a process dies."""


class Died(BaseException):
    """Raised within a process at its next request."""


_process: ContextVar[int] = ContextVar("process")


class Turns:
    """Lets one process run at a time, for some requests: which one, chance chooses."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self.is_open = False

    async def wait(self) -> None:
        if self.is_open:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(_process.get(), []).append(turn)
        await turn

    async def run(self, *processes: Coroutine[Any, Any, Any]) -> None:
        """Run processes to their end, or to their death."""
        tasks = []
        for number, process in enumerate(processes):
            _process.set(number)
            tasks.append(asyncio.create_task(process))
        while not all(task.done() for task in tasks):
            await self._settle()
            alive = [number for number, turns in self._waiting.items() if turns]
            if not alive:
                continue
            chosen = self._source.choice(alive)
            for _ in range(self._source.randint(1, 12)):
                if not self._waiting[chosen]:
                    break
                turn = self._waiting[chosen].pop(0)
                if self._source.random() < _DEATH:
                    turn.set_exception(Died())
                else:
                    turn.set_result(None)
                await self._settle()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Died):
                raise outcome

    async def _settle(self) -> None:
        """Let all run until they wait for their turn: there is nothing else to wait for."""
        for _ in range(15):
            await asyncio.sleep(0)


class SharedBlobs:
    """The blobs of the account."""

    def __init__(self) -> None:
        self.contents: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._writes = 0

    def write(self, container: str, blob: str, content: bytes) -> str:
        self._writes += 1
        self.contents[container, blob] = content, f'"{self._writes}"'
        return f'"{self._writes}"'


class TurnStorage:
    """Stands in for ``calls.storage.Storage``, one for each process: each request takes turns."""

    def __init__(self, shared: SharedBlobs, turns: Turns) -> None:
        self._shared = shared
        self._turns = turns
        self.subscribers = None
        self.service = SimpleNamespace(
            get_blob_client=lambda container, blob: _LogClient(shared, turns, container, blob),
            get_container_client=lambda _: SimpleNamespace(list_blobs=self._list_versions),
        )

    async def _list_versions(self, **_: object) -> Any:
        no_versions: list[Any] = []
        for blob in no_versions:
            yield blob

    async def read(self, container: str, blob: str) -> Document | None:
        await self._turns.wait()
        stored = self._shared.contents.get((container, blob))
        return Document(*stored) if stored else None

    async def read_all(
        self, container: str, names: list[str], _: int = 16
    ) -> list[Document | None]:
        return [await self.read(container, name) for name in names]

    async def read_range(self, container: str, blob: str, offset: int, length: int) -> bytes:
        await self._turns.wait()
        stored = self._shared.contents.get((container, blob))
        if stored is None:
            raise ResourceNotFoundError
        if offset >= len(stored[0]):
            error = HttpResponseError()
            error.status_code = 416
            raise error
        return stored[0][offset : offset + length]

    async def properties(self, container: str, blob: str) -> Properties | None:
        document = await self.read(container, blob)
        return Properties(0, document.etag, "", {}, BEGUN_AT) if document else None

    async def create(self, container: str, blob: str, content: bytes) -> str | None:
        await self._turns.wait()
        if (container, blob) in self._shared.contents:
            return None
        return self._shared.write(container, blob, content)

    async def replace(self, container: str, blob: str, content: bytes, etag: str) -> str | None:
        await self._turns.wait()
        if self._shared.contents.get((container, blob), (b"", ""))[1] != etag:
            return None
        return self._shared.write(container, blob, content)

    async def put(self, container: str, blob: str, content: bytes) -> None:
        await self._turns.wait()
        self._shared.write(container, blob, content)

    async def delete(self, container: str, blob: str) -> bool:
        await self._turns.wait()
        return self._shared.contents.pop((container, blob), None) is not None

    async def blob_names(self, container: str, prefix: str) -> list[str]:
        await self._turns.wait()
        keys = sorted(self._shared.contents)
        return [name for own, name in keys if own == container and name.startswith(prefix)]

    async def blob_names_until(self, container: str, prefix: str, last: str, _: int) -> list[str]:
        return [name for name in await self.blob_names(container, prefix) if name <= last]

    async def listing(self, container: str, prefix: str) -> dict[str, Properties]:
        names = await self.blob_names(container, prefix)
        contents = self._shared.contents
        return {
            name: Properties(0, contents[container, name][1], "", {}, BEGUN_AT) for name in names
        }


class _LogClient:
    def __init__(self, shared: SharedBlobs, turns: Turns, container: str, blob: str) -> None:
        self._shared, self._turns = shared, turns
        self._key = container, blob

    async def append_block(self, content: bytes, maxsize_condition: int) -> None:
        await self._turns.wait()
        if self._key not in self._shared.contents:
            raise ResourceNotFoundError
        before = self._shared.contents[self._key][0]
        assert len(before) + len(content) <= maxsize_condition
        self._shared.write(*self._key, before + content)

    async def create_append_blob(self, match_condition: object) -> None:
        await self._turns.wait()
        if self._key in self._shared.contents:
            raise ResourceExistsError
        self._shared.write(*self._key, b"")


class SameThread(Executor):
    """Runs what it gets at once."""

    def submit(self, run: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(run(*arguments, **options))
        except BaseException as error:  # the caller gets it
            future.set_exception(error)
        return future


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Account:
    """Processes that share the blobs of an account."""

    def __init__(self, draw: Any) -> None:
        self.turns = Turns(random.Random(draw(st.integers(0, 2**32))))
        self.shared = SharedBlobs()
        self.clock = Clock()
        self.deleted: set[str] = set()
        self.completed: set[str] = set()

    def storage(self) -> Any:
        return TurnStorage(self.shared, self.turns)

    def index(self) -> CallIndex:
        return CallIndex(self.storage(), self.clock, SameThread())

    async def write(self, number: int, tag: str) -> None:
        """Change a call twice, or create it, unless it was deleted."""
        storage = self.storage()
        record = create_record(number)
        if record.call_connection_id in self.deleted:
            return
        # It may be deleted meanwhile.
        with contextlib.suppress(CallNotFound):
            for suffix in "ab":
                await change_record(
                    storage,
                    record.call_connection_id,
                    setting(tags=[tag + suffix]),
                    create_at=None if number < CALLS else record.created_at,
                )

    async def delete(self, number: int) -> None:
        """Delete a call, as ``calls.retention`` does it; after a death another run goes on."""
        call = f"call-{number:05d}"
        self.deleted.add(call)
        storage = self.storage()
        await storage.delete(blobs.CALLS, blobs.call_blob(call))
        await log_deletion(storage, call)
        await remove_call(storage, call, BEGUN_AT + timedelta(minutes=number))
        self.completed.add(call)

    async def read(self, index: CallIndex) -> None:
        for _ in range(2):
            await index.refresh()


def plan(
    account: Account, indexes: list[CallIndex], name: str, draw: Any
) -> Callable[[], Coroutine[Any, Any, Any]]:
    """Choose what a process does; return how it begins."""
    index = draw(st.sampled_from(indexes))
    if name == "write":
        number, tag = draw(st.integers(0, CALLS)), draw(st.sampled_from("xyz"))
        return lambda: account.write(number, tag)
    if name == "delete":
        number = draw(st.integers(0, CALLS - 1))
        return lambda: account.delete(number)
    if name == "rebuild":
        return lambda: rebuild(account.storage())
    return lambda: compact(index) if name == "compact" else account.read(index)


async def run_scenario(draw: Any) -> None:
    account = Account(draw)
    account.turns.is_open = True
    for number in range(CALLS):
        record = create_record(number)
        await change_record(
            account.storage(), record.call_connection_id, setting(), create_at=record.created_at
        )
    indexes = [account.index() for _ in range(2)]
    if draw(st.booleans()):
        await compact(indexes[0])
        # So that the next compaction has something to do.
        await account.write(0, "w")
    await indexes[1].refresh()
    account.turns.is_open = False

    names = ["delete", draw(st.sampled_from(["compact", "rebuild"]))]
    names += draw(st.lists(st.sampled_from(ACTIONS), max_size=3))
    plans = [plan(account, indexes, name, draw) for name in names]
    await account.turns.run(*(begin() for begin in plans))

    # Quiet again: deletions are completed, and what nobody writes any longer is forgotten.
    account.turns.is_open = True
    for call in sorted(account.deleted - account.completed):
        await account.delete(int(call[-5:]))
    days = [
        gzip.decompress(content)
        for (container, blob), (content, _) in account.shared.contents.items()
        if container == blobs.INDEX and blob.startswith(blobs.DAY_PREFIX)
    ]
    assert not [call for call in account.deleted for day in days if call.encode() in day]
    await assert_all_agree(account, indexes)


async def assert_all_agree(account: Account, indexes: list[CallIndex]) -> None:
    expected = {
        msgspec.json.decode(content)["call_connection_id"]: msgspec.json.decode(content)["revision"]
        for (container, _), (content, _) in account.shared.contents.items()
        if container == blobs.CALLS
    }

    async def agree(index: CallIndex) -> None:
        await index.refresh_thoroughly()
        revisions = await index.read(lambda model: model.revisions(list(model.all_contents())))
        assert revisions == expected

    for index in indexes:
        await agree(index)
    await agree(account.index())
    account.clock.now += PENDING_SECONDS + 1
    for index in indexes:
        await agree(index)
        await compact(index)
    await agree(account.index())
    assert await compare(account.storage()) == []
    await rebuild(account.storage())
    for index in [*indexes, account.index()]:
        await agree(index)
        await index.close()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_the_order_all_indexes_are_what_the_records_say(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(day_files, "_PAUSE_SECONDS", 0)
        patched.setattr(asyncio, "to_thread", run_here)
        asyncio.run(run_scenario(data.draw))


async def run_here(run: Any, *arguments: Any, **options: Any) -> Any:
    return run(*arguments, **options)
