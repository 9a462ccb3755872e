"""Recovery: what a killed process left is finished, whenever it was killed."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta

import pytest

from contract import names, wav
from contract.manifest import Counts, decode_manifest
from streamer.recovery import Recovery, list_outbox
from streamer.spool import Spool, blob_of
from streamer.stream_folder import (
    STATES,
    StreamFolder,
    build_manifest,
    publish_note,
    read_entries,
)
from tests.streamer.spools import SECOND, START, create_state, restart


def test_an_unreadable_stream_is_quarantined(spool: Spool) -> None:
    folder = spool.streams / "broken"
    folder.mkdir()
    (folder / "stream.json").write_bytes(b"{")
    (folder / "mixed").mkdir()  # somebody's; a stream has no folders in its own
    spool = restart(spool)
    recovery = Recovery(spool)
    ((path, entry),) = recovery.run()
    assert entry is None
    assert path.read_bytes() == b"{"
    assert blob_of(path)[1].startswith("streams/broken/stream.")
    assert not recovery.folders
    assert list_outbox(spool) == [(path, None)]


def test_segments_are_recovered_although_the_state_is_unreadable(spool: Spool) -> None:
    """A state cut short by a short write used to send ten good seconds to quarantine."""
    folder = StreamFolder(spool, create_state())
    folder.open_segment("mixed", START, 16_000).append(b"\1\0" * 160_000)
    for name in STATES:
        folder.save_state()
        state = folder.path / name
        state.write_bytes(state.read_bytes()[:20])
    spool = restart(spool)
    (path, entry), (manifest, _) = Recovery(spool).run()
    assert entry is not None
    assert entry.counts == Counts(frames=500)
    assert wav.samples(path.read_bytes()) == b"\1\0" * 160_000
    assert decode_manifest(manifest.read_bytes()).call_connection_id == "call-1"
    assert not spool.rejected.exists()


def test_a_stream_without_a_packet_leaves_nothing(spool: Spool) -> None:
    StreamFolder(spool, create_state())
    spool = restart(spool)
    assert Recovery(spool).run() == []
    assert not list(spool.streams.iterdir())
    assert not list_outbox(spool)


def test_who_is_on_a_track_survives_a_kill(spool: Spool) -> None:
    """The state has it before the track's first audio is written; the note waits in the outbox."""
    folder = StreamFolder(spool, create_state())
    folder.state.participants["p1"] = "4:+15551230000"
    folder.save_state()
    note = publish_note(spool, folder.path, folder.state, "p1", "4:+15551230000")
    folder.open_segment("p1", START, 16_000).append(b"\1\0" * 16_000)
    spool = restart(spool)
    (path, entry), (manifest, _) = Recovery(spool).run()
    assert entry is not None
    assert (entry.track, blob_of(path)[1].split("/")[2]) == ("p1", "p1")
    assert decode_manifest(manifest.read_bytes()).participants == {"p1": "4:+15551230000"}
    assert (note, None) in list_outbox(spool)
    assert "5551230000" not in "".join(path.as_posix() for path in spool.root.rglob("*"))


def test_a_stream_that_cannot_even_be_quarantined_does_not_stop_the_recovery(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    (spool.streams / "broken").mkdir()
    folder = StreamFolder(spool, create_state())
    folder.save_state()
    (spool.streams / "broken" / "stream.json").write_bytes(b"{")
    # Blocks the quarantine, as a full disk would.
    spool.rejected.write_bytes(b"")
    spool = restart(spool)
    recovery = Recovery(spool)
    ((path, _),) = recovery.run()
    assert path.stem == folder.path.name
    assert recovery.folders == [spool.streams / "broken"]
    spool.rejected.unlink()
    ((path, _),) = recovery.run()
    assert blob_of(path)[1].startswith("streams/broken/")
    assert "stream_quarantined" in caplog.text


def test_an_unreadable_open_segment_is_quarantined_and_the_others_are_recovered(
    spool: Spool,
) -> None:
    folder = StreamFolder(spool, create_state())
    folder.open_segment("mixed", START, 16_000).append(bytes(SECOND))
    (folder.path / "mixed~noon.part").write_bytes(bytes(100))
    spool = restart(spool)
    (rejected, _), (segment, _), _ = Recovery(spool).run()
    assert rejected.parent == spool.rejected
    assert len(wav.samples(segment.read_bytes())) == SECOND


def test_a_stream_without_room_to_finish_is_finished_later(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    for number in range(2):
        start = START + timedelta(seconds=number)
        folder.open_segment("mixed", start, 16_000).append(bytes(SECOND))
    spool = restart(spool)
    recovery = Recovery(spool)
    # The first segment is sealed, but a folder blocks the second one's place in the outbox.
    second = f"call-1/{folder.state.stream_id}/mixed/20260301T120001.000Z.wav"
    blocked = spool.outbox_path(names.SEGMENTS, second)
    (blocked / "x").mkdir(parents=True)
    open_files = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert len(recovery.run()) <= 1
    assert len(os.listdir("/proc/self/fd")) == open_files
    assert recovery.folders == [folder.path]
    assert spool.last_error
    shutil.rmtree(blocked)
    (path, entry), (manifest, _) = recovery.run()
    assert entry is not None
    assert path == blocked
    assert [e.samples for e in decode_manifest(manifest.read_bytes()).segments] == [16_000] * 2
    assert not recovery.folders


def test_a_kill_while_a_finished_streams_folder_is_removed_loses_nothing(spool: Spool) -> None:
    """A manifest built from the rest of the folder would list no segment."""
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(bytes(SECOND))
    file.seal(Counts(), folder.outbox_path(file))
    manifest = build_manifest(folder.state, read_entries(folder.path), START, "1000")
    folder.save_state()
    state = (folder.path / STATES[0]).read_bytes()
    path = folder.finish(manifest)
    folder.path.mkdir()
    (folder.path / STATES[0]).write_bytes(state)
    spool = restart(spool)
    Recovery(spool).run()
    assert decode_manifest(path.read_bytes()) == manifest
    assert not list(spool.streams.iterdir())


def test_a_segment_sealed_twice_counts_once_whatever_its_start(spool: Spool) -> None:
    """It was killed between entry and rename. The file's name has no microseconds."""
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START + timedelta(microseconds=1234), 16_000)
    file.append(bytes(SECOND))
    file.seal(Counts(frames=50), folder.outbox_path(file))
    folder.outbox_path(file).rename(file.path)
    spool = restart(spool)
    _, (path, _) = Recovery(spool).run()
    manifest = decode_manifest(path.read_bytes())
    assert [entry.samples for entry in manifest.segments] == [16_000]
    assert manifest.counts.frames == 50


def test_counts_of_frames_outside_any_segment_survive_a_restart(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    folder.state.counts = Counts(late_dropped=3)
    folder.state.packets = {"malformed": 2}
    folder.save_state()
    folder.open_segment("mixed", START, 16_000).append(bytes(SECOND))
    spool = restart(spool)
    *_, (path, _) = Recovery(spool).run()
    manifest = decode_manifest(path.read_bytes())
    assert manifest.counts.late_dropped == 3
    assert manifest.packets == {"AudioData": 53, "malformed": 2}


def test_each_segment_keeps_its_rate_across_a_restart(spool: Spool) -> None:
    """The kill came after a change of the rate, before segments of the old rate were sealed."""
    folder = StreamFolder(spool, create_state())
    expected = {}
    for number, rate in enumerate((16_000, 24_000)):
        folder.state.sample_rate = rate
        folder.save_state()
        file = folder.open_segment("mixed", START + timedelta(seconds=number), rate)
        file.append(bytes(rate))
        expected[START + timedelta(seconds=number)] = (rate, rate // 2, 25)
    spool = restart(spool)
    assert len(Recovery(spool).run()) == 3
    segments = [(path, entry) for path, entry in list_outbox(spool) if entry is not None]
    assert {
        entry.start: (entry.sample_rate, entry.samples, entry.counts.frames)
        for _, entry in segments
    } == expected
    for path, entry in segments:
        assert wav.parse(path.read_bytes()).sample_rate == entry.sample_rate


def test_an_unreadable_segment_is_quarantined_and_the_others_are_listed(spool: Spool) -> None:
    track = f"call-1/{create_state().stream_id}/mixed"
    for number, content in enumerate((b"", wav.header(16_000, 4) + bytes(4))):
        blob = f"{track}/20260301T12000{number}.000Z.wav"
        spool.outbox_path(names.SEGMENTS, blob).write_bytes(content)
    (path, entry), (rejected, none) = list_outbox(spool)
    assert blob_of(path) == (names.SEGMENTS, f"{track}/20260301T120001.000Z.wav")
    assert entry is not None
    assert none is None
    container, blob = blob_of(rejected)
    assert container == names.REJECTED
    assert blob.startswith(f"segments/{track}/20260301T120000.000Z.")


def test_segments_are_listed_although_their_manifest_is_unreadable(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 100)
    target = folder.outbox_path(file)
    entry = file.seal(Counts(), target)
    manifest = folder.finish(build_manifest(folder.state, read_entries(folder.path), START, "1000"))
    assert list_outbox(spool) == [(target, entry), (manifest, None)]
    manifest.write_bytes(b"{")
    (path, synthesized), (last, _) = list_outbox(spool)
    assert (path, last) == (target, manifest)
    assert f"manifest_read_failed stream={folder.state.stream_id} " in caplog.text
    assert synthesized is not None
    for field in ("samples", "bytes", "sha256", "crc64", "start", "track"):
        assert getattr(synthesized, field) == getattr(entry, field)


def test_the_outbox_of_an_earlier_version_is_uploaded(spool: Spool) -> None:
    """It had a folder for each part of a blob's name."""
    stream = create_state().stream_id
    content = wav.header(16_000, 4) + bytes(4)
    blobs = {
        (names.SEGMENTS, f"call-1/{stream}/mixed/20260301T120000.000Z.wav"): content,
        (names.MANIFESTS, f"call-1/{stream}.json"): b"{",
        (names.DRAFTS, f"call-1/{stream}.p1.note"): b"8:acs:someone",
        (names.REJECTED, f"segments/call-1/{stream}/mixed/20260301T110000.000Z.0123.wav"): content,
    }
    for (container, blob), written in blobs.items():
        path = spool.outbox / container / blob
        path.parent.mkdir(parents=True)
        path.write_bytes(written)
    spool = restart(spool)
    files = list_outbox(spool)
    assert {blob_of(path): path.read_bytes() for path, _ in files} == blobs
    assert not list(spool.outbox.glob("*/*/"))
    assert list_outbox(spool) == files


def test_two_files_of_one_name_are_both_kept(spool: Spool) -> None:
    """An earlier version runs on the spool between two runs of this one."""
    blob = f"call-1/{create_state().stream_id}.json"
    (spool.outbox / names.MANIFESTS / "call-1").mkdir()
    (spool.outbox / names.MANIFESTS / blob).write_bytes(b"earlier")
    spool.outbox_path(names.MANIFESTS, blob).write_bytes(b"later")
    assert {path.read_bytes() for path, _ in list_outbox(spool)} == {b"earlier", b"later"}


@pytest.mark.parametrize(
    "name",
    [
        "outbox/segments/notes.txt",
        "outbox/segments/.hidden",
        "outbox/segments/call-1/call-1/notes.txt",
        "outbox/manifests/copy.json",
        "outbox/manifests/call-1~20260301T120000000Z-0a1b2c3d.json.bak",
        "outbox/drafts/copy.note",
        "outbox/copy/segment.wav",
        "outbox/segment.wav",
        "streams/segment.wav",
        "streams/call-1~20260301T120000000Z-0a1b2c3d",
        "streams/20260301T120000000Z-0a1b2c3d/opened.json",
        "streams/20260301T120000000Z-0a1b2c3d/mixed/20260301T120000.000Z.part",
    ],
)
def test_what_has_no_place_in_the_spool_is_quarantined(
    spool: Spool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Left there, it would fill the quota, or keep a drain from its end, without a word."""
    path = spool.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(100))
    spool = restart(spool)
    recovery = Recovery(spool)
    recovery.run()
    ((quarantined, _),) = list_outbox(spool)
    assert quarantined.parent == spool.rejected
    assert quarantined.read_bytes() == bytes(100)
    assert not path.exists()
    assert not recovery.folders
    assert not list(spool.streams.iterdir())
    assert "_quarantined " in caplog.text


def test_the_longest_names_fit_into_a_file_system(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state(call="c" * 128))
    file = folder.open_segment("p9999", START, 16_000)
    file.append(bytes(100))
    path = folder.outbox_path(file)
    file.seal(Counts(), path)
    # Quarantined, and quarantined again, as a conflict in the rejected container would have it.
    (rejected,) = spool.quarantine(path)
    (again,) = spool.quarantine(rejected)
    assert again.exists()
