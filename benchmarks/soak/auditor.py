"""Compares the calls of a soak with their recordings, as soon as these are there.

A call is compared a stream at a time, and what has been compared is not read again, whatever fails
meanwhile: so the comparison keeps up with the calls, and little is left when the soak ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from azure.core.exceptions import AzureError

from benchmarks.soak.audit import audit
from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import SocketRecord, Totals
from benchmarks.soak.recording import Incomplete, Recordings
from contract.manifest import Manifest

_WORKERS = 6
"""How many calls are read at the same time: reading mostly waits for Azurite."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 32.0
"""How long a call rests that was not complete: Azurite looks at all blobs for each listing."""


class CallAudit:
    """The comparison of one call, which ends when all of its streams have been compared.

    Attributes:
        call: The call connection id.
        records: The books of its sockets.
        totals: What became of the frames that were compared so far.
        manifests: Those of its streams, by name.
        is_compared: Whether all has been compared.
        failure: Why it could not be read, the last time.
    """

    def __init__(self, caller: Caller, apply_events: Callable[[SocketRecord], None]) -> None:
        self.call = caller.call
        self.records = caller.records
        self.totals = Totals(errors=list(caller.errors))
        self.manifests: dict[str, Manifest] = {}
        self.is_compared = False
        self.failure = ""
        self._apply_events = apply_events
        self._speed = caller.speed
        self._compared: set[str] = set()
        self._blob_names: list[str] = []
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._due_at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it is time to look at it again. If so, the next time comes later and later."""
        if now < self._due_at:
            return False
        self._due_at = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        return True

    def advance(self, recordings: Recordings, *, is_last: bool) -> bool:
        """Compare the streams that are there; returns whether these are all, and deletes the call.

        Blocks.

        Args:
            recordings: What Blob Storage has.
            is_last: Whether what is not there now will never come.

        Raises:
            AzureError: Blob Storage does not answer. Try again.
            Incomplete: A segment is missing. Try again.
        """
        if not self.is_compared:
            self._compare(recordings, is_last=is_last)
        if self.is_compared and self.totals.is_well:
            recordings.delete(self._blob_names)
        return self.is_compared

    def _compare(self, recordings: Recordings, *, is_last: bool) -> None:
        self.manifests.update(recordings.manifests(self.call, self.manifests))
        by_socket = {manifest.correlation_id: manifest for manifest in self.manifests.values()}
        for record in self.records:
            manifest = by_socket.get(record.correlation_id)
            if record.correlation_id in self._compared or (manifest is None and not is_last):
                continue
            # Not before: what ends a stream may come after its socket's end.
            self._apply_events(record)
            if manifest is None:
                self.totals.add(account_absent(record))
            else:
                segments = recordings.segments(manifest)
                self.totals.add(audit(record, manifest, segments, self._speed))
            self._compared.add(record.correlation_id)
        if len(self._compared) < len(self.records):
            return
        self._blob_names = recordings.blob_names(self.call)
        extra = self._find_extra(by_socket)
        self.totals.add(Totals(errors=extra))
        self.is_compared = True

    def _find_extra(self, by_socket: dict[str, Manifest]) -> list[str]:
        """Find what no socket explains."""
        errors: list[str] = []
        if len(by_socket) < len(self.manifests):
            errors.append(f"{self.call}: two manifests of one socket")
        errors += [
            f"{self.call}: stream {manifest.stream_id} has audio of an unknown socket"
            for manifest in self.manifests.values()
            if manifest.correlation_id not in self._compared and manifest.segments
        ]
        listed = {
            entry.name(self.call, manifest.stream_id).blob
            for manifest in self.manifests.values()
            for entry in manifest.segments
        }
        errors += [f"{blob} is in no manifest" for blob in self._blob_names if blob not in listed]
        return errors


class Auditor:
    """Compares calls that have ended, some at a time.

    Attributes:
        totals: What became of all frames of the calls that were compared.
        calls: Those that are not compared yet.
    """

    def __init__(
        self,
        recordings: Recordings,
        folder: Path,
        apply_events: Callable[[SocketRecord], None],
        show: Callable[[str], None],
    ) -> None:
        """Make an auditor that has no calls.

        Args:
            recordings: What Blob Storage has.
            folder: Where the books of a call go that is not well.
            apply_events: Notes in a socket's books what happened to its streamer.
            show: Shows a line.
        """
        self.totals = Totals()
        self._apply_events = apply_events
        self._recordings = recordings
        self._folder = folder
        self._show = show
        self.calls: list[CallAudit] = []

    @property
    def waiting(self) -> dict[str, str]:
        """The calls that are not compared yet, and why they could not be read."""
        return {call.call: call.failure for call in self.calls}

    def add(self, caller: Caller) -> None:
        """Have a call compared, which has ended and whose books are closed."""
        self.calls.append(CallAudit(caller, self._apply_events))

    async def advance(self, *, is_last: bool = False) -> None:
        """Compare what is there. See ``CallAudit.advance``."""
        calls = iter(list(self.calls))
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work(calls, is_last=is_last))

    async def _work(self, calls: Iterator[CallAudit], *, is_last: bool) -> None:
        for call in calls:
            if not is_last and not call.is_due(time.monotonic()):
                continue
            try:
                has_ended = await asyncio.to_thread(call.advance, self._recordings, is_last=is_last)
            except (AzureError, Incomplete) as error:
                call.failure = repr(error)
                continue
            if has_ended:
                self.calls.remove(call)
                self._note(call)

    def _note(self, call: CallAudit) -> None:
        self.totals.add(call.totals)
        if call.totals.is_well:
            return
        for error in call.totals.errors:
            self._show(f"  {error}")
        # What was sent, to find out why.
        path = self._folder / f"{call.call}.json"
        path.write_bytes(msgspec.json.encode(call.records))


def account_absent(record: SocketRecord) -> Totals:
    """Account for a socket of which nothing was recorded: only a kill or a reset explains that."""
    totals = Totals(sent=len(record.sent))
    if record.may_have_no_stream:
        totals.unflushed = len(record.sent)
    else:
        totals.unaccounted = len(record.sent)
        totals.errors.append(f"{record.correlation_id}: no manifest ({record.ended_by})")
    return totals
