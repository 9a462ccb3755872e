"""The spool's promises, under crashes at any step, a full quota, and a second start."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract import names, wav
from contract.manifest import Counts, Manifest, decode_manifest
from streamer.spool import (
    BACKLOG_BYTES,
    SegmentFile,
    Spool,
    SpoolInUse,
    StreamSpool,
    StreamState,
    _move,
    manifest_of,
    read_entries,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = 32_000


def state(number: int = 0) -> StreamState:
    return StreamState(
        call_connection_id="call-1",
        stream_id=f"20260301T120000{number:03d}Z-0a1b2c3d",
        started_at=START,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 10 * 1024 * 1024)


def whole(spool: Spool, stream: StreamSpool, file: SegmentFile) -> bytes:
    target = stream.target(file)
    file.seal(Counts(), target)
    return wav.samples(target.read_bytes())


def test_a_segment_is_a_whole_wav_when_it_reaches_the_outbox(spool: Spool) -> None:
    stream = StreamSpool(spool, state())
    file = stream.open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 100)
    file.append(b"\2\0" * 100)
    file.patch(50, b"\3\0" * 10)
    assert not list(spool.waiting())
    samples = whole(spool, stream, file)
    assert samples == (b"\1\0" * 100 + b"\2\0" * 100)[:50] + b"\3\0" * 10 + samples[70:]
    assert len(samples) == 400
    (entry,) = read_entries(stream.folder)
    assert (entry.samples, entry.bytes) == (200, 444)
    assert [path.name for path, _ in spool.waiting()] == ["20260301T120000.000Z.wav"]


def test_a_cut_takes_the_tail_along(spool: Spool) -> None:
    stream = StreamSpool(spool, state())
    file = stream.open_segment("mixed", START, 16_000)
    file.append(bytes(range(200)))
    assert file.cut(150) == bytes(range(150, 200))
    assert whole(spool, stream, file) == bytes(range(150))


def test_a_full_quota_keeps_audio_in_memory_then_loses_it_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 2 * 1024 * 1024)
    stream = StreamSpool(spool, state())
    hog = stream.open_segment("hog", START, 16_000)
    hog.append(bytes(2 * 1024 * 1024 - SECOND))
    file = stream.open_segment("mixed", START, 16_000)
    seconds = [bytes([number + 1]) * SECOND for number in range(50)]
    for second in seconds:
        file.append(second)
    assert spool.last_error is not None
    assert spool.fullness >= 1 - SECOND / spool.max_bytes
    with pytest.raises(OSError, match="no room"):
        file.seal(Counts(), stream.target(file))
    hog.cut(0)
    counts = Counts()
    entry = file.seal(counts, stream.target(file))
    samples = wav.samples(stream.target(file).read_bytes())
    assert len(samples) == 50 * SECOND, "what was lost is silence of the same length"
    kept = [s for n, s in enumerate(seconds) if samples[n * SECOND : (n + 1) * SECOND] == s]
    lost = [n for n in range(50) if samples[n * SECOND : (n + 1) * SECOND] == bytes(SECOND)]
    assert len(kept) + len(lost) == 50
    assert len(kept) * SECOND >= BACKLOG_BYTES
    assert entry.counts.lost == len(lost) * 50


def test_a_full_quota_that_clears_in_time_loses_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    stream = StreamSpool(spool, state())
    hog = stream.open_segment("hog", START, 16_000)
    hog.append(bytes(1024 * 1024 - 100))
    file = stream.open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 1000)
    file.append(b"\2\0" * 1000)
    hog.cut(0)
    file.append(b"\3\0" * 1000)
    assert whole(spool, stream, file) == b"".join(bytes([n, 0]) * 1000 for n in (1, 2, 3))


def test_one_process_at_a_time(spool: Spool) -> None:
    with pytest.raises(SpoolInUse):
        Spool(spool.root, spool.max_bytes)
    spool.release()
    Spool(spool.root, spool.max_bytes).release()


def again(spool: Spool) -> Spool:
    """The spool after a restart."""
    spool.release()
    return Spool(spool.root, spool.max_bytes)


def test_a_stream_that_cannot_be_read_is_put_aside(spool: Spool) -> None:
    folder = spool.streams / "broken"
    folder.mkdir()
    (folder / "stream.json").write_bytes(b"{")
    (folder / "mixed").mkdir()
    spool = again(spool)
    assert not spool.recover()
    assert not spool.left
    assert (spool.rejected / "broken" / "stream.json").exists()


def test_a_stream_that_the_disk_has_no_room_to_finish_is_finished_later(spool: Spool) -> None:
    stream = StreamSpool(spool, state())
    for number in range(2):
        start = START + timedelta(seconds=number)
        stream.open_segment("mixed", start, 16_000).append(bytes(SECOND))
    spool = again(spool)
    # The first is finished; then something is in the second's way, which is no FileNotFoundError.
    second = spool.outbox / names.SEGMENTS / "call-1" / stream.folder.name / "mixed"
    blocked = second / "20260301T120001.000Z.wav"
    (blocked / "x").mkdir(parents=True)
    held = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert len(spool.recover()) <= 1
    assert len(os.listdir("/proc/self/fd")) == held
    assert spool.left == [stream.folder]
    assert spool.last_error
    shutil.rmtree(blocked)
    (path, entry), (manifest, _) = spool.recover()
    assert entry is not None
    assert path == blocked
    assert [e.samples for e in decode_manifest(manifest.read_bytes()).segments] == [16_000] * 2
    assert not spool.left


def test_killed_while_it_removes_a_finished_streams_folder(spool: Spool) -> None:
    """The manifest of what is left of the folder would name nothing."""
    stream = StreamSpool(spool, state())
    file = stream.open_segment("mixed", START, 16_000)
    file.append(bytes(SECOND))
    file.seal(Counts(), stream.target(file))
    manifest = manifest_of(stream.state, read_entries(stream.folder), START, "1000")
    half = (stream.folder / "stream.json").read_bytes()
    path = stream.close(manifest)
    stream.folder.mkdir()
    (stream.folder / "stream.json").write_bytes(half)
    spool = again(spool)
    spool.recover()
    assert decode_manifest(path.read_bytes()) == manifest
    assert not list(spool.streams.iterdir())


def test_a_segment_sealed_twice_counts_once_whatever_its_start(spool: Spool) -> None:
    """Killed between its entry and its rename; its file's name has no microseconds."""
    stream = StreamSpool(spool, state())
    file = stream.open_segment("mixed", START + timedelta(microseconds=1234), 16_000)
    file.append(bytes(SECOND))
    file.seal(Counts(frames=50), stream.target(file))
    stream.target(file).rename(file.path)
    spool = again(spool)
    _, (path, _) = spool.recover()
    manifest = decode_manifest(path.read_bytes())
    assert [entry.samples for entry in manifest.segments] == [16_000]
    assert manifest.counts.frames == 50


def test_a_restart_knows_of_frames_that_are_in_no_segment(spool: Spool) -> None:
    stream = StreamSpool(spool, state())
    stream.state.counts = Counts(late_dropped=3)
    stream.state.packets = {"malformed": 2}
    stream.save()
    stream.open_segment("mixed", START, 16_000).append(bytes(SECOND))
    spool = again(spool)
    *_, (path, _) = spool.recover()
    manifest = decode_manifest(path.read_bytes())
    assert manifest.counts.late_dropped == 3
    assert manifest.packets == {"AudioData": 53, "malformed": 2}


def test_a_move_survives_that_its_folder_is_removed_as_empty(tmp_path: Path) -> None:
    """Another stream of the call was uploaded. To take that for a lost segment would lose it."""
    target = tmp_path / "outbox" / "call" / "stream" / "mixed" / "start.wav"
    over = threading.Event()

    def remove() -> None:
        while not over.is_set():
            for folder in list(target.parents)[:3]:
                with contextlib.suppress(OSError):
                    folder.rmdir()

    remover = threading.Thread(target=remove)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    remover.start()
    try:
        for _ in range(500):
            (tmp_path / "part").write_bytes(b"audio")
            _move(tmp_path / "part", target)
            target.unlink()
    finally:
        over.set()
        remover.join()
        sys.setswitchinterval(switch)
    with pytest.raises(FileNotFoundError):
        _move(tmp_path / "part", target)


def test_a_segment_that_cannot_be_read_does_not_keep_the_others(spool: Spool) -> None:
    folder = spool.outbox / names.SEGMENTS / "call-1" / state().stream_id / "mixed"
    folder.mkdir(parents=True)
    (folder / "20260301T120000.000Z.wav").write_bytes(b"")
    (folder / "20260301T120001.000Z.wav").write_bytes(wav.header(16_000, 4) + bytes(4))
    assert [path.name for path, _ in spool.waiting()] == ["20260301T120001.000Z.wav"]
    assert [path.name for path in spool.rejected.rglob("*.wav")] == ["20260301T120000.000Z.wav"]


def test_what_all_segments_keep_in_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that stays full, each finished segment waits with what it keeps."""
    monkeypatch.setattr("streamer.spool.KEPT_BYTES", 10 * SECOND)
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    spool.charge(1024 * 1024)
    stream = StreamSpool(spool, state())
    files = [
        stream.open_segment("mixed", START + timedelta(seconds=8 * number), 16_000)
        for number in range(4)
    ]
    for number, file in enumerate(files):
        for second in range(8):
            file.append(bytes([8 * number + second + 1]) * SECOND)
        assert spool.kept_bytes <= 10 * SECOND
    spool.discharge(1024 * 1024)
    heard = b""
    lost = 0
    for file in files:
        target = stream.target(file)
        lost += file.seal(Counts(), target).counts.lost
        heard += wav.samples(target.read_bytes())
    kept = [heard[at] for at in range(0, len(heard), SECOND)]
    assert kept == [*range(1, 9), *[0] * 6, 15, 16, *[0] * 16]
    assert lost == 22 * 50
    assert (spool.kept_bytes, spool.used_bytes) == (0, 32 * SECOND)


def test_the_trouble_is_over_when_nothing_is_kept(spool: Spool) -> None:
    spool.charge(spool.max_bytes)
    file = StreamSpool(spool, state()).open_segment("mixed", START, 16_000)
    file.append(bytes(SECOND))
    assert spool.last_error
    spool.discharge(spool.max_bytes)
    file.append(bytes(SECOND))
    file.append(bytes(SECOND))
    assert spool.last_error is None


def test_what_was_removed_takes_up_nothing(spool: Spool) -> None:
    held = len(os.listdir("/proc/self/fd"))
    stream = StreamSpool(spool, state())
    file = stream.open_segment("mixed", START, 16_000)
    file.append(bytes(SECOND))
    shutil.rmtree(stream.folder)
    with pytest.raises(FileNotFoundError):
        file.seal(Counts(), stream.target(file))
    file.lose()
    with pytest.raises(FileNotFoundError):
        stream.close(manifest_of(stream.state, [], START, "1000"))
    assert len(os.listdir("/proc/self/fd")) == held
    assert spool.used_bytes == 0


def test_a_restart_knows_the_rate_of_each_segment(spool: Spool) -> None:
    """Killed after the stream's rate has changed, and before what was of the old one was sealed."""
    stream = StreamSpool(spool, state())
    expected = {}
    for number, rate in enumerate((16_000, 24_000)):
        stream.state.sample_rate = rate
        stream.save()
        file = stream.open_segment("mixed", START + timedelta(seconds=number), rate)
        file.append(bytes(rate))
        expected[START + timedelta(seconds=number)] = (rate, rate // 2, 25)
    spool = again(spool)
    assert len(spool.recover()) == 3
    segments = [(path, entry) for path, entry in spool.waiting() if entry is not None]
    assert {
        entry.start: (entry.sample_rate, entry.samples, entry.counts.frames)
        for _, entry in segments
    } == expected
    for path, entry in segments:
        assert wav.parse(path.read_bytes()).sample_rate == entry.sample_rate


def test_a_manifest_that_cannot_be_read_does_not_keep_the_others(spool: Spool) -> None:
    stream = StreamSpool(spool, state())
    file = stream.open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 100)
    target = stream.target(file)
    entry = file.seal(Counts(), target)
    manifest = stream.close(manifest_of(stream.state, read_entries(stream.folder), START, "1000"))
    assert spool.waiting() == [(target, entry), (manifest, None)]
    manifest.write_bytes(b"{")
    (found, told), (last, _) = spool.waiting()
    assert (found, last) == (target, manifest)
    assert told is not None
    assert (told.samples, told.bytes, told.md5) == (entry.samples, entry.bytes, entry.md5)


class CrashingSpool(RuleBasedStateMachine):
    """Appends, seals and crashes in any order; nothing flushed is ever missing or doubled."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="spool-test-"))
        self.spool = Spool(self.root, 1 << 30)
        self.streams = 0
        self.expected: dict[str, bytes] = {}
        self.manifests: dict[str, set[str]] = {}
        self.begin()

    def begin(self) -> None:
        self.state = state(self.streams)
        self.streams += 1
        self.stream = StreamSpool(self.spool, self.state)
        self.file: SegmentFile | None = None
        self.written = b""
        self.position = 0
        self.manifests[self.state.stream_id] = set()

    def name(self, file: SegmentFile) -> str:
        return self.spool.segment_target(self.state, file).relative_to(self.root).as_posix()

    @rule(size=st.integers(1, 2000))
    def append(self, size: int) -> None:
        if self.file is None:
            start = START + timedelta(seconds=self.position)
            self.file = self.stream.open_segment("mixed", start, 16_000)
            self.position += 1
            self.written = b""
        pcm = bytes([size % 255 + 1]) * (2 * size)
        self.file.append(pcm)
        self.written += pcm
        self.stream.save()

    @rule()
    def seal(self) -> None:
        if self.file is None:
            return
        self.expect()
        self.file.seal(Counts(), self.stream.target(self.file))
        self.file = None

    def expect(self) -> None:
        assert self.file is not None
        self.expected[self.name(self.file)] = self.written
        self.manifests[self.state.stream_id].add(self.name(self.file))

    @rule()
    def end(self) -> None:
        self.seal()
        entries = read_entries(self.stream.folder)
        self.stream.close(manifest_of(self.state, entries, START, "1000"))
        self.begin()

    @rule(at=st.sampled_from(["open", "header written", "entry written", "entry cut", "renamed"]))
    def crash(self, at: str) -> None:
        """Kill -9 between any two steps of sealing, then start again."""
        if self.file is not None:
            self.expect()
            folder = self.stream.folder
            if at != "open":
                self.file.seal(Counts(), self.stream.target(self.file))
                target = self.stream.target(self.file)
                if at != "renamed":
                    target.rename(self.file.path)
                if at == "header written":
                    lines = (folder / "segments.jsonl").read_bytes().split(b"\n")
                    (folder / "segments.jsonl").write_bytes(b"\n".join(lines[:-2]))
                elif at == "entry cut":
                    content = (folder / "segments.jsonl").read_bytes()
                    (folder / "segments.jsonl").write_bytes(content[:-7])
        self.spool.release()
        self.spool = Spool(self.root, 1 << 30)
        self.spool.recover()
        self.begin()

    @invariant()
    def what_was_finished_is_there_once(self) -> None:
        outbox = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path, _ in self.spool.waiting()
        }
        segments = {
            name: wav.samples(content) for name, content in outbox.items() if ".wav" in name
        }
        assert segments == self.expected
        for name, content in outbox.items():
            if name.endswith(".json"):
                manifest = decode_manifest(content)
                assert self.listed(manifest) == self.manifests[manifest.stream_id]

    def listed(self, manifest: Manifest) -> set[str]:
        found = [
            f"outbox/{names.SEGMENTS}/{e.name('call-1', manifest.stream_id).blob}"
            for e in manifest.segments
        ]
        assert len(found) == len(set(found))
        return set(found)

    def teardown(self) -> None:
        self.spool.release()
        shutil.rmtree(self.root)


TestCrashingSpool = CrashingSpool.TestCase
TestCrashingSpool.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
