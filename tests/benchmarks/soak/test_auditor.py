"""Calls are compared a stream at a time, and what has been compared is not read again."""

from __future__ import annotations

import random
from collections.abc import Container
from itertools import count
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError

from benchmarks.soak.audit import Segment
from benchmarks.soak.auditor import Auditor, account_absent
from benchmarks.soak.caller import Caller
from benchmarks.soak.ledger import SocketRecord
from benchmarks.soak.plan import CallPlan
from benchmarks.soak.recording import Recordings
from benchmarks.soak.replicas import Replica
from contract.manifest import Counts, Manifest
from tests.benchmarks.soak.books import ORIGIN, audio, record, segment, sent


class StoredRecordings(Recordings):
    """What a test has put there; ``failing`` streams cannot be read."""

    def __init__(self) -> None:
        self.stored: dict[str, Manifest] = {}
        self.failing: set[str] = set()
        self.reads: list[str] = []
        self.extra: list[str] = []
        self.deleted: list[str] = []

    def store(self, socket: str) -> None:
        """Store the stream of a socket that sent frames 0 to 9."""
        part = segment(audio(*range(10)), counts=Counts(frames=10))
        self.stored[socket] = Manifest(
            call_connection_id="call",
            stream_id=socket,
            correlation_id=socket,
            sample_rate=16_000,
            started_at=ORIGIN,
            ended_at=ORIGIN,
            ended_by="",
            segments=[part.entry],
            counts=Counts(frames=10),
        )

    def manifests(self, call: str, known: Container[str] = ()) -> dict[str, Manifest]:
        return {name: stored for name, stored in self.stored.items() if name not in known}

    def segments(self, manifest: Manifest) -> list[Segment]:
        if manifest.stream_id in self.failing:
            raise AzureError("away")
        self.reads.append(manifest.stream_id)
        return [segment(audio(*range(10)))]

    def blob_names(self, call: str = "") -> list[str]:
        return self.extra

    def delete(self, call: str) -> None:
        self.deleted.append(call)


def books(socket: str, **changes: object) -> SocketRecord:
    """The books of a socket that sent frames 0 to 9."""
    return record([sent(number) for number in range(10)], correlation_id=socket, **changes)


def auditor_of(
    recordings: Recordings, folder: Path, *records: SocketRecord
) -> tuple[Auditor, list[str]]:
    """An auditor with one call that has ended; and the lines that it shows."""
    rng = random.Random(0)
    replica = Replica("streamer", folder, {})
    caller = Caller("call", CallPlan(rng, count(), 1.0), rng, [replica], 1.0)
    caller.records += records
    lines: list[str] = []
    auditor = Auditor(recordings, folder, lambda record: None, lines.append)
    auditor.add(caller)
    return auditor, lines


async def test_what_was_compared_before_a_failure_is_not_read_again(tmp_path: Path) -> None:
    recordings = StoredRecordings()
    auditor, _ = auditor_of(recordings, tmp_path, books("one"), books("two"))
    recordings.store("one")
    await auditor.advance()
    recordings.store("two")
    recordings.failing = {"two"}
    await auditor.advance()
    assert auditor.waiting == {"call": "AzureError('away')"}
    assert not recordings.deleted
    recordings.failing = set()
    await auditor.advance()
    assert recordings.reads == ["one", "two"]
    assert recordings.deleted == ["call"]
    assert not auditor.waiting
    assert auditor.totals.is_well
    assert auditor.totals.kept == auditor.totals.sent == 20
    assert auditor.totals.streams == 2


async def test_a_stream_that_never_comes_is_accounted_for_at_the_end(tmp_path: Path) -> None:
    recordings = StoredRecordings()
    auditor, lines = auditor_of(recordings, tmp_path, books("one"))
    await auditor.advance()
    assert auditor.waiting == {"call": ""}
    await auditor.advance(is_last=True)
    assert not auditor.waiting
    assert auditor.totals.unaccounted == 10
    assert "no manifest" in lines[0]
    assert (tmp_path / "call.json").exists()
    assert not recordings.deleted


@pytest.mark.parametrize(
    ("extra", "error"),
    [(["call/extra.wav"], "call/extra.wav is in no manifest"), ([], "audio of an unknown socket")],
)
async def test_what_no_socket_explains_is_reported(
    tmp_path: Path, extra: list[str], error: str
) -> None:
    recordings = StoredRecordings()
    auditor, lines = auditor_of(recordings, tmp_path, books("one"))
    recordings.store("one")
    recordings.extra = extra
    if not extra:
        recordings.store("unknown")
    await auditor.advance()
    assert error in lines[0]
    assert not auditor.totals.is_well


def test_only_its_end_accounts_for_a_socket_without_a_recording() -> None:
    frames = [sent(number) for number in range(10)]
    assert account_absent(record(frames, killed_at=1.0)).unflushed == 10
    lost = account_absent(record(frames))
    assert lost.unaccounted == lost.sent == 10
    assert "no manifest" in lost.errors[0]
