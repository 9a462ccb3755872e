"""The spool's promises, whatever happens in whatever order, with a kill at any system call.

Every frame that was handed over is in exactly one segment, in memory, or told as lost. A recovered
segment is what was written. Recovering twice gives the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from contract.manifest import Counts, SegmentEntry
from streamer.recovery import Recovery, list_outbox
from streamer.spool import Spool, audio_bytes, blob_of
from streamer.stream_segments import StreamSegments
from tests.streamer.crashes import InlineExecutor, Killed, SystemCalls
from tests.streamer.spools import FakeTrack, create_state
from tests.streamer.stream_model import FRAME, RATE, Model, frame_of, moment, position_of

TRACKS = ("a", "b")
_QUOTA = 40 * FRAME * 2

EXAMPLES = int(os.environ.get("SPOOL_CRASH_EXAMPLES", "50"))
"""How many sequences of events are tried; a thousand and more with SPOOL_CRASH_EXAMPLES."""


class CrashingSpool(RuleBasedStateMachine):
    """Streams on a real spool."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="spool-test-"))
        self.calls = SystemCalls(self.root)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("streamer.segment_file.SEGMENT_BACKLOG_BYTES", 8 * FRAME * 2)
        self.patch.setattr("streamer.stream_segments._FIRST_DISK_PAUSE_SECONDS", 0.0)
        self.blobs: dict[str, bytes] = {}
        self.number = 0
        self.value = 0
        self.hog = 0
        self.loop = asyncio.new_event_loop()
        self.spool = self.open_spool()
        self.begin()

    # The process.

    def open_spool(self) -> Spool:
        spool = Spool(self.root, _QUOTA)
        spool.worker.shutdown()
        spool.worker = InlineExecutor()  # type: ignore[assignment]
        self.hog = 0
        return spool

    def begin(self) -> None:
        self.state = create_state(self.number)
        self.number += 1
        self.model = Model(self.state)
        self.tracks = {name: FakeTrack(name) for name in TRACKS}
        self.calls.restart()
        self.make_room()
        self.run(self._create_segments)

    async def _create_segments(self) -> None:
        tracks: Any = self.tracks
        self.segments = StreamSegments(self.spool, self, self.state, tracks)  # type: ignore[arg-type]

    def add(self, path: Path, entry: SegmentEntry | None = None) -> None:
        """Stand in for the outbox: files wait until ``upload``."""

    def run(self, work: Any, *arguments: Any) -> None:
        """Do one thing as the process does; if that kills it, start another one."""

        async def do() -> None:
            result = work(*arguments)
            if asyncio.iscoroutine(result):
                await result
            for _ in range(10):
                await asyncio.sleep(0)

        try:
            self.loop.run_until_complete(do())
        except Killed:
            assert self.calls.is_killed
        except OSError:
            assert self.calls.disk_is_full or self.hog
        if self.calls.is_killed:
            self.recover()
        else:
            self.model.safe |= set(self.frames_on_disk())

    def frames_on_disk(self) -> list[tuple[str, int]]:
        files = [finished.file for finished in self.segments._unsealed.values()]
        files += [track.file for track in self.tracks.values() if track.is_open and track.file]
        return [
            (file.track, position)
            for file in files
            if not file.lost_frames
            for position in range(
                position_of(file.start), position_of(file.start) + file._disk_bytes // (2 * FRAME)
            )
        ]

    # What happens to a stream.

    @rule(name=st.sampled_from(TRACKS), frames=st.integers(1, 4))
    def append(self, name: str, frames: int) -> None:
        self.run(self._append, self.tracks[name], frames, False)

    @rule(name=st.sampled_from(TRACKS), frames=st.integers(1, 4))
    def fill(self, name: str, frames: int) -> None:
        self.run(self._append, self.tracks[name], frames, True)

    def _append(self, track: FakeTrack, frames: int, is_silence: bool) -> None:
        if track.writer is None:
            self._open(track)
        assert track.writer is not None
        pcm = b""
        for position in range(track.position, track.position + frames):
            value = 0 if is_silence else self.new_value()
            self.model.values[track.name, position] = {value}
            if is_silence:
                self.model.silence.add((track.name, position))
                track.gaps.append(position)
            pcm += frame_of(value)
        if is_silence:
            track.counts.gaps += 1
            track.counts.filled_samples += frames * FRAME
        else:
            track.counts.frames += frames
        track.position += frames
        track.writer.append(pcm)

    def _open(self, track: FakeTrack) -> None:
        track.start = track.position
        track.writer = self.segments.open(track.name, track.name, moment(track.start), RATE)
        track.file = self.segments._files[track.name]

    def new_value(self) -> int:
        self.value = self.value % 32_000 + 1
        return self.value

    @precondition(lambda self: any(t.gaps for t in self.tracks.values() if t.is_open))
    @rule(data=st.data())
    def place_a_late_frame(self, data: st.DataObject) -> None:
        track = data.draw(
            st.sampled_from([t for t in self.tracks.values() if t.is_open and t.gaps])
        )
        position = data.draw(st.sampled_from(track.gaps))
        self.run(self._place_late, track, position)

    def _place_late(self, track: FakeTrack, position: int) -> None:
        assert track.writer is not None
        value = self.new_value()
        track.gaps.remove(position)
        key = (track.name, position)
        self.model.patched += 1
        self.model.values[key] = {0, value}
        track.writer.patch((position - track.start) * FRAME * 2, frame_of(value))
        self.model.values[key] = {value} if key in self.model.safe else {0, value}
        self.model.silence.discard(key)
        track.counts.frames += 1
        track.counts.late += 1
        track.counts.filled_samples -= FRAME

    @precondition(lambda self: any(t.is_open and t.length > 1 for t in self.tracks.values()))
    @rule(data=st.data(), kill_after=st.none() | st.integers(0, 6))
    def cut(self, data: st.DataObject, kill_after: int | None) -> None:
        """As a pause window does: what lies behind the cut begins the next segment."""
        tracks = [t for t in self.tracks.values() if t.is_open and t.length > 1]
        track = data.draw(st.sampled_from(tracks))
        if kill_after is not None:
            self.calls.kill_after(kill_after)
        self.run(self._cut, track, data.draw(st.integers(track.start + 1, track.position - 1)))

    def _cut(self, track: FakeTrack, cut: int) -> None:
        assert track.writer is not None
        if self.calls.disk_is_full:
            # No second file can hold the tail: it is in memory until uploads make room.
            tail_keys = {(track.name, position) for position in range(cut, track.position)}
            self.model.safe -= tail_keys
        tail = track.writer.cut((cut - track.start) * FRAME * 2)
        gaps = [position for position in track.gaps if position >= cut]
        counts = Counts(frames=track.position - cut - len(gaps), filled_samples=len(gaps) * FRAME)
        counts.frames = min(counts.frames, track.counts.frames)
        track.counts.frames -= counts.frames
        track.counts.filled_samples -= counts.filled_samples
        position, track.position = track.position, cut
        self._close(track)
        self._open(track)
        assert track.writer is not None
        track.counts, track.gaps, track.position = counts, gaps, position
        track.writer.append(tail)

    @rule(name=st.sampled_from(TRACKS))
    def close(self, name: str) -> None:
        self.run(self._close, self.tracks[name])

    def _close(self, track: FakeTrack) -> None:
        if track.writer is not None:
            writer, track.writer = track.writer, None
            counts, track.counts, track.gaps = track.counts, Counts(), []
            writer.finish((track.position - track.start) * FRAME, counts, 0.0)

    @rule()
    def tick(self) -> None:
        self.model.patched = 0
        self.run(self.segments.save_state)

    @rule()
    def draft(self) -> None:
        if not (self.hog or self.calls.disk_is_full):
            self.run(self.segments.publish_draft)

    @rule()
    def end(self) -> None:
        self.make_room()
        number = self.number
        for track in self.tracks.values():
            self.run(self._close, track)
            if number != self.number:
                return
        self.run(self.segments.save_state)
        if number == self.number:
            self.run(self._finish)
        if number == self.number:
            self.check(was_killed=False)
            self.begin()

    async def _finish(self) -> None:
        finishing = asyncio.ensure_future(self.segments.finish("1000"))
        while not finishing.done() and not self.calls.is_killed:
            self.upload_files(100)
            await asyncio.sleep(0)
        await finishing

    # The world around it.

    @rule(is_full=st.booleans())
    def change_disk(self, is_full: bool) -> None:
        self.calls.disk_is_full = is_full

    @rule(frames=st.integers(0, 40))
    def change_quota(self, frames: int) -> None:
        self.spool.free(self.hog)
        self.hog = min(frames * FRAME * 2, _QUOTA - self.spool.used_bytes)
        self.spool.reserve(self.hog)

    def make_room(self) -> None:
        self.calls.disk_is_full = False
        self.spool.free(self.hog)
        self.hog = 0

    @rule(count=st.integers(1, 5))
    def upload(self, count: int) -> None:
        self.upload_files(count)
        self.run(lambda: None)

    def upload_files(self, count: int) -> None:
        files = [path for path in sorted(self.spool.outbox.rglob("*.*")) if path.is_file()]
        for path in files[:count]:
            self.blobs["/".join(blob_of(path))] = path.read_bytes()
            self.spool.free(audio_bytes(path))
            with self.calls.paused():
                path.unlink()

    @rule(calls=st.integers(0, 20))
    def kill_soon(self, calls: int) -> None:
        self.calls.kill_after(calls)

    @rule()
    def kill(self) -> None:
        self.calls.kill_after(0)
        self.run(self.segments.save_state)

    # After a kill.

    def recover(self, again: int | None = None) -> None:
        """Start again: once in a copy, and once with a kill in the middle of it."""
        self.stop_process()
        copy = self.root.with_name(self.root.name + "-copy")
        shutil.copytree(self.root, copy)
        spool = Spool(copy, _QUOTA)
        Recovery(spool).run()
        expected = {
            path.relative_to(copy).as_posix(): path.read_bytes() for path, _ in list_outbox(spool)
        }
        spool.close()
        shutil.rmtree(copy)
        self.spool = self.open_spool()
        self.calls.kill_after(self.value % 17)
        try:
            Recovery(self.spool).run()
        except Killed:
            self.stop_process()
            self.spool = self.open_spool()
            Recovery(self.spool).run()
        self.calls.restart()
        recovered = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path, _ in list_outbox(self.spool)
        }
        assert recovered == expected
        assert not list(self.spool.streams.iterdir())
        self.check(was_killed=True)
        self.begin()

    def stop_process(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        self.loop = asyncio.new_event_loop()
        for track in self.tracks.values():
            if track.file is not None:
                track.file.close()
        for finished in self.segments._unsealed.values():
            finished.file.close()
        os.close(self.spool._lock)
        self.calls.disk_is_full = False
        self.calls.restart()

    def check(self, *, was_killed: bool) -> None:
        self.upload_files(10_000)
        self.model.check(self.blobs, was_killed=was_killed)

    def teardown(self) -> None:
        self.stop_process()
        self.calls.close()
        self.patch.undo()
        self.loop.close()
        shutil.rmtree(self.root)


TestCrashingSpool = CrashingSpool.TestCase
TestCrashingSpool.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
