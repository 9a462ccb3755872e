"""Calls are compared a stream at a time, and what has been compared is not read again."""

from __future__ import annotations

import random
from collections.abc import Container
from itertools import count
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError

from benchmarks.soak import auditor
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
        self.blobs: list[str] = []
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
        self.blobs.append(part.entry.name("call", socket).blob)

    def manifests(self, call: str, known: Container[str] = ()) -> dict[str, Manifest]:
        return {name: stored for name, stored in self.stored.items() if name not in known}

    def segments(self, manifest: Manifest) -> list[Segment]:
        if manifest.stream_id in self.failing:
            raise AzureError("away")
        self.reads.append(manifest.stream_id)
        return [segment(audio(*range(10)))]

    def blob_names(self, call: str = "") -> list[str]:
        return self.blobs + self.extra

    def delete(self, blob_names: list[str]) -> None:
        self.deleted += blob_names


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
    audits = Auditor(recordings, folder, lambda record: None, lines.append)
    audits.add(caller)
    return audits, lines


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor, "_FIRST_PAUSE_SECONDS", 0.0)


async def test_what_was_compared_before_a_failure_is_not_read_again(tmp_path: Path) -> None:
    recordings = StoredRecordings()
    audits, _ = auditor_of(recordings, tmp_path, books("one"), books("two"))
    recordings.store("one")
    await audits.advance()
    recordings.store("two")
    recordings.failing = {"two"}
    await audits.advance()
    assert audits.waiting == {"call": "AzureError('away')"}
    assert not recordings.deleted
    recordings.failing = set()
    await audits.advance()
    assert recordings.reads == ["one", "two"]
    assert recordings.deleted == recordings.blobs
    assert not audits.waiting
    assert audits.totals.is_well
    assert audits.totals.kept == audits.totals.sent == 20
    assert audits.totals.streams == 2


async def test_a_call_that_is_not_complete_rests_longer_and_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor, "_FIRST_PAUSE_SECONDS", 2.0)
    audits, _ = auditor_of(StoredRecordings(), tmp_path)
    (call,) = audits.calls
    assert [now for now in range(100) if call.is_due(now)] == [0, 2, 6, 14, 30, 62, 94]


async def test_a_stream_that_never_comes_is_accounted_for_at_the_end(tmp_path: Path) -> None:
    recordings = StoredRecordings()
    audits, lines = auditor_of(recordings, tmp_path, books("one"))
    await audits.advance()
    assert audits.waiting == {"call": ""}
    await audits.advance(is_last=True)
    assert not audits.waiting
    assert audits.totals.unaccounted == 10
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
    audits, lines = auditor_of(recordings, tmp_path, books("one"))
    recordings.store("one")
    recordings.extra = extra
    if not extra:
        recordings.store("unknown")
    await audits.advance()
    assert error in lines[0]
    assert not audits.totals.is_well


def test_only_its_end_accounts_for_a_socket_without_a_recording() -> None:
    frames = [sent(number) for number in range(10)]
    assert account_absent(record(frames, killed_at=1.0)).unflushed == 10
    lost = account_absent(record(frames))
    assert lost.unaccounted == lost.sent == 10
    assert "no manifest" in lost.errors[0]
