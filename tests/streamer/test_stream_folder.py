"""A stream's folder: its state, its entries and its manifest."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from contract import names
from contract.manifest import Counts, SegmentEntry, decode_manifest
from streamer.segment_file import ENTRIES
from streamer.spool import Spool, blob_of
from streamer.stream_folder import (
    STATES,
    StreamFolder,
    build_manifest,
    read_entries,
    read_state,
)
from tests.streamer.spools import START, create_state


def entry(second: int, track: str = "mixed") -> SegmentEntry:
    return SegmentEntry(
        track=track,
        start=START + timedelta(seconds=second),
        sample_rate=16_000,
        samples=16_000,
        bytes=32_044,
        sha256="00" * 32,
        counts=Counts(frames=50),
    )


def test_the_latest_state_that_can_be_read_is_read(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    assert read_state(folder.path) == create_state()
    for packets in ({"AudioData": 123_456}, {}):
        folder.state.packets = packets
        folder.save_state()
        assert read_state(folder.path) == folder.state
    older = read_state(folder.path)
    folder.state.packets = {"AudioData": 1}
    folder.save_state()
    for name, state in ((STATES[1], older), (STATES[0], create_state())):
        path = folder.path / name
        path.write_bytes(path.read_bytes()[:20])
        assert read_state(folder.path) == state
    broken = folder.path.rename(spool.streams / "broken")
    (broken / STATES[1]).write_bytes(b"")
    with pytest.raises(names.MalformedName, match="broken"):
        read_state(broken)


def test_a_save_that_is_cut_short_is_repeated_in_the_same_place(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other state is the only whole one."""
    folder = StreamFolder(spool, create_state())
    folder.state.packets = {"AudioData": 1}
    folder.save_state()
    write = os.pwrite

    def cut_short(descriptor: int, content: bytes, offset: int) -> int:
        write(descriptor, bytes(content)[:20], offset)
        raise OSError("no space")

    for _ in range(3):
        folder.state.packets = {"AudioData": 2}
        with monkeypatch.context() as patch:
            patch.setattr("os.pwrite", cut_short)
            folder.save_state()
        assert read_state(folder.path).packets == {"AudioData": 1}
    folder.save_state()
    assert read_state(folder.path).packets == {"AudioData": 2}


def test_a_state_that_finds_no_room_leaves_the_one_before(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = StreamFolder(spool, create_state())
    folder.save_state()
    before = read_state(folder.path)
    folder.state.packets = {"AudioData": 7}
    monkeypatch.setattr("os.pwrite", _refuse)
    folder.save_state()
    assert spool.last_error
    assert read_state(folder.path) == before


def test_both_states_have_their_room_from_the_first_save_on(spool: Spool) -> None:
    """A disk that is full later must still accept what is to be counted as lost."""
    state = create_state()
    folder = StreamFolder(spool, state)
    assert folder.save_state()
    sizes = [(folder.path / name).stat().st_size for name in STATES]
    assert sizes[1] >= 2048
    assert read_state(folder.path).saves == 1
    for saves in (2, 3):
        state.packets["AudioData"] = saves
        assert folder.save_state()
        assert read_state(folder.path).packets == {"AudioData": saves}
    assert sizes[1] == (folder.path / STATES[1]).stat().st_size


def _refuse(*_: object) -> int:
    raise OSError("no inodes")


def test_a_stream_that_cannot_begin_leaves_no_folder(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file = os.open

    def refuse_new(path: Path, flags: int, *rest: int, **options: int) -> int:
        return _refuse() if flags & os.O_CREAT else open_file(path, flags, *rest, **options)

    monkeypatch.setattr("os.open", refuse_new)
    with pytest.raises(OSError, match="no inodes"):
        StreamFolder(spool, create_state())
    assert not list(spool.streams.iterdir())


def test_entries_are_read_but_for_a_line_that_was_cut_short(tmp_path: Path) -> None:
    assert read_entries(tmp_path) == []
    lines = [msgspec.json.encode(entry(0)), b"", msgspec.json.encode(entry(1))]
    (tmp_path / ENTRIES).write_bytes(b"\n".join(lines) + b'\n{"track":"mi')
    assert read_entries(tmp_path) == [entry(0), entry(1)]


def test_a_manifest_sorts_segments_and_adds_up_counts() -> None:
    state = create_state()
    state.counts = Counts(late_dropped=2)
    entries = [entry(1), entry(0, "b"), entry(0, "a")]
    manifest = build_manifest(state, entries, START, "1000")
    assert manifest.segments == [entry(0, "a"), entry(0, "b"), entry(1)]
    assert (manifest.counts.frames, manifest.counts.late_dropped) == (150, 2)
    assert (manifest.ended_at, manifest.ended_by) == (START, "1000")


def test_finishing_publishes_the_manifest_and_removes_the_folder(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    manifest = build_manifest(folder.state, [], START, "1000")
    path = folder.finish(manifest)
    assert blob_of(path) == ("manifests", f"call-1/{create_state().stream_id}.json")
    assert decode_manifest(path.read_bytes()) == manifest
    assert not folder.path.exists()
