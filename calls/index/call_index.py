"""One process's index: its read model, brought up to date from the change log before each use."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache

import msgspec
from azure.core.exceptions import AzureError

from calls import blobs
from calls.clients import Clients
from calls.index.day_files import read_day
from calls.index.read_model import ReadModel
from calls.index.rows import Row, decode_rows, parse_row
from calls.index.selection import Cursor, Page, Selection
from calls.records.change_log import Entry, log_damage, read_checkpoint, read_entries
from calls.storage import Storage
from event_log import log_event

PENDING_SECONDS = 900.0
"""How long a record is looked at that has not changed as the log says. A function, and so a change,
takes at most ten minutes (``host.json``); its process may have died before it wrote the record."""

LOOK_AGAIN_SECONDS = 10.0
"""How often that is, once a few seconds have passed."""

KEEP_CURRENT_SECONDS = 300.0
"""How often a read model that nobody uses is brought up to date: deleted calls must leave it. It is
also how often deleted words are erased where there are many: searches wait 2 s for that."""

_DAYS_AT_ONCE = 8
_RECORDS_AT_ONCE = 32

_log = logging.getLogger(__name__)


class _Pending:
    """A change that the log has announced, and that was not yet seen in the record."""

    def __init__(self, entry: Entry, now: float) -> None:
        self.revision = entry.revision
        self.position = entry.position
        self.seen_at = self.looked_at = now

    def is_due(self, now: float) -> bool:
        """Whether to look at the record now."""
        is_new = now - self.seen_at < LOOK_AGAIN_SECONDS
        return is_new or now - self.looked_at >= LOOK_AGAIN_SECONDS


class CallIndex:
    """The calls, as one process knows them. Use it on one event loop.

    Args:
        storage: The storage with the records, the log and the day files.
        clock: Returns the seconds since some moment.
        thread: Runs the read model's queries, one at a time.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], float] = time.monotonic,
        thread: Executor | None = None,
    ) -> None:
        self.storage = storage
        self._clock = clock
        self._thread = thread or ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")
        self.damaged_days: list[str] = []
        """The days whose files a process could not read: its index lacks their calls."""
        self._model: ReadModel | None = None
        self._position = 0
        self._pending: dict[str, _Pending] = {}
        self._lock = asyncio.Lock()
        self._next_refresh: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def page(self, selection: Selection, limit: int, cursor: Cursor | None = None) -> Page:
        """Return a page of the selected calls, as they are now.

        Raises AzureError, sqlite3.Error.
        """
        return await self.query(lambda model: model.page(selection, limit, cursor))

    async def query[T](self, run: Callable[[ReadModel], T]) -> T:
        """Bring the read model up to date, and run a query in its thread.

        Raises AzureError, sqlite3.Error.
        """
        await self.refresh()
        try:
            return await self.read(run)
        except sqlite3.Error:
            # It was discarded, and this makes another one.
            await self.refresh()
            return await self.read(run)

    async def read[T](self, run: Callable[[ReadModel], T]) -> T:
        """Run a query on the read model as it is, in its thread. Raises sqlite3.Error."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_current())
        try:
            return await self._run(run)
        except sqlite3.Error as error:
            await self._discard(error)
            raise

    async def refresh(self) -> None:
        """Bring the read model up to date with all that was written before this was called.

        A change that takes a process longer than a few seconds to write may follow later.

        Raises AzureError, sqlite3.Error.
        """
        # Who comes while a refresh is running waits for the next one: it may have read the log.
        if self._next_refresh is None:
            self._next_refresh = asyncio.create_task(self._refresh_in_turn())
        await asyncio.shield(self._next_refresh)

    async def refresh_thoroughly(self) -> None:
        """Bring the read model up to date, and look at each announced change that is not there yet.

        Raises AzureError, sqlite3.Error.
        """
        async with self._lock:
            await self._refresh(is_thorough=True)

    @property
    def settled_position(self) -> int:
        """The position of the log up to which all announced changes are in the read model."""
        positions = [pending.position for pending in self._pending.values()]
        return min([self._position, *positions])

    async def close(self) -> None:
        """Stop, and discard the read model."""
        for task in (self._keeper, self._next_refresh):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, AzureError, sqlite3.Error):
                    await task
        async with self._lock:
            if self._model is not None:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._model.close)
                self._model = None
        self._thread.shutdown()

    async def _refresh_in_turn(self) -> None:
        async with self._lock:
            self._next_refresh = None
            try:
                await self._refresh(is_thorough=False)
            except sqlite3.Error as error:
                await self._discard(error)
                await self._refresh(is_thorough=False)

    async def _refresh(self, *, is_thorough: bool) -> None:
        is_new = self._model is None
        if is_new:
            await self._load()
        read = await read_entries(self.storage, self._position)
        if not is_new and (read is None or any(entry.kind == "rebuilt" for entry in read[0])):
            await self._load()
            read = await read_entries(self.storage, self._position)
        entries, position = read or ([], self._position)
        now = self._clock()
        deleted = self._note_entries(entries, now)
        due = [call for call, p in self._pending.items() if is_thorough or p.is_due(now)]
        rows, missing = await self._read_rows(due)
        if rows or deleted or missing:
            await self._run(lambda model: model.apply(rows, deleted | missing))
        self._position = position
        self._settle(rows, due, now)

    def _note_entries(self, entries: list[Entry], now: float) -> set[str]:
        """Note what the log announces; return the calls that were deleted."""
        deleted: set[str] = set()
        for entry in entries:
            pending = self._pending.get(entry.call)
            if entry.kind == "deleted":
                deleted.add(entry.call)
                self._pending.pop(entry.call, None)
            elif entry.kind == "damaged":
                self.damaged_days.append(entry.call)
            elif entry.kind == "changed":
                if pending is None:
                    self._pending[entry.call] = _Pending(entry, now)
                else:
                    pending.revision = max(pending.revision, entry.revision)
                    pending.seen_at = now
        return deleted

    async def _read_rows(self, calls: list[str]) -> tuple[list[Row], set[str]]:
        """Read the records of calls whose rows are older than the log says.

        Returns:
            The rows, and the calls that have no record.
        """
        revisions = await self._run(lambda model: model.revisions(calls))
        outdated = [c for c in calls if revisions.get(c, -1) < self._pending[c].revision]
        names = [blobs.call_blob(call) for call in outdated]
        documents = await self.storage.read_all(blobs.CALLS, names, _RECORDS_AT_ONCE)
        by_call = dict(zip(outdated, documents, strict=True))
        rows = []
        for call, document in by_call.items():
            row = parse_row(document.content, call=call) if document is not None else None
            if row is not None:
                rows.append(row)
            elif document is not None:
                del self._pending[call]
        for call in set(calls) - set(outdated):
            del self._pending[call]
        return rows, {call for call, document in by_call.items() if document is None}

    def _settle(self, rows: list[Row], looked_at: list[str], now: float) -> None:
        """Forget the changes that were seen, and those that nobody makes any longer."""
        for row in rows:
            if row.revision >= self._pending[row.call].revision:
                del self._pending[row.call]
        for call in looked_at:
            if pending := self._pending.get(call):
                pending.looked_at = now
                if now - pending.seen_at > PENDING_SECONDS:
                    del self._pending[call]

    async def _load(self) -> None:
        """Make a new read model of the day files."""
        started = time.monotonic()
        checkpoint, _ = await read_checkpoint(self.storage)
        model = await asyncio.get_running_loop().run_in_executor(self._thread, ReadModel)
        limit = asyncio.Semaphore(_DAYS_AT_ONCE)

        async def load(day: str) -> None:
            async with limit:
                await self._load_day(model, day)

        self.damaged_days = []
        await asyncio.gather(*map(load, checkpoint.days))
        if self._model is not None:
            await self._run(ReadModel.close)
        self._model, self._position, self._pending = model, checkpoint.position, {}
        await self._run(ReadModel.create_indexes)
        log_event(
            _log,
            logging.INFO,
            "index_loaded",
            calls=await self._run(ReadModel.count),
            days=len(checkpoint.days),
            ms=round((time.monotonic() - started) * 1000),
        )

    async def _load_day(self, model: ReadModel, day: str) -> None:
        """Add a day's calls to a new read model, if its file can be read."""

        def add(lines: bytes) -> None:
            # In the model's thread, too: a second one would only wait for the interpreter's lock.
            model.add_all(decode_rows(lines))

        try:
            lines, etag = await read_day(self.storage, day)
            await asyncio.get_running_loop().run_in_executor(self._thread, add, lines)
        except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
            etag, reason = None, type(error).__name__
        else:
            reason = "missing"
        if etag is None:
            self.damaged_days.append(day)
            log_event(_log, logging.ERROR, "index_day_unreadable", day=day, reason=reason)
            # The next compaction, in whichever process, rebuilds the index.
            await log_damage(self.storage, day)

    async def _discard(self, error: sqlite3.Error) -> None:
        """Discard a damaged read model; the next refresh makes another."""
        log_event(_log, logging.ERROR, "index_discarded", error=type(error).__name__)
        model, self._model = self._model, None
        if model is not None:
            with contextlib.suppress(sqlite3.Error):
                await asyncio.get_running_loop().run_in_executor(self._thread, model.close)

    async def _run[T](self, run: Callable[[ReadModel], T]) -> T:
        model = self._model
        if model is None:
            raise sqlite3.ProgrammingError("the read model was discarded")
        return await asyncio.get_running_loop().run_in_executor(self._thread, run, model)

    async def _keep_current(self) -> None:
        while True:
            await asyncio.sleep(KEEP_CURRENT_SECONDS)
            try:
                await self.refresh()
                await self._run(ReadModel.erase_deleted_words)
            except (AzureError, sqlite3.Error) as error:
                name = type(error).__name__
                log_event(_log, logging.WARNING, "index_not_refreshed", error=name)


@cache
def get_index(clients: Clients) -> CallIndex:
    """The index of the clients' storage; it is closed with them."""
    index = CallIndex(clients.storage)
    clients.on_close(index.close)
    return index
