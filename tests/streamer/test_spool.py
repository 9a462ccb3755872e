"""The spool's folder: its lock, its quota, and moves into its outbox."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import sys
import threading
import types
from pathlib import Path

import pytest

from contract import names, wav
from streamer.errors import SpoolInUse
from streamer.spool import Spool, blob_of, move_file, stream_of, write_file
from tests.streamer.spools import restart


def test_one_process_holds_the_spool_at_a_time(spool: Spool) -> None:
    with pytest.raises(SpoolInUse):
        Spool(spool.root, spool.max_bytes)
    spool.close()
    Spool(spool.root, spool.max_bytes).close()


def test_a_move_succeeds_although_somebody_has_removed_the_folder(spool: Spool) -> None:
    """Reporting the segment as removed would lose it."""
    target = spool.outbox_path("segments", "call/stream/mixed/start.wav")
    shutil.rmtree(spool.outbox)
    (spool.root / "part").write_bytes(b"audio")
    move_file(spool.root / "part", target)
    assert target.read_bytes() == b"audio"
    with pytest.raises(FileNotFoundError):
        move_file(spool.root / "part", target)


def test_the_outbox_has_no_folders_but_those_of_the_containers(spool: Spool) -> None:
    for container, blob in (
        ("segments", "call/stream/mixed/start.wav"),
        ("manifests", "call/stream.json"),
        ("drafts", "call/stream.p1.note"),
    ):
        path = spool.outbox_path(container, blob)
        assert path.parent == spool.outbox / container
        assert path.parent.is_dir()
        assert blob_of(path) == (container, blob)
        assert stream_of(path) == "stream"
    assert stream_of(spool.outbox / "manifests" / "by hand.json") == ""


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"audio")
    (tmp_path / "outbox").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        move_file(path, tmp_path / "outbox" / "call" / "start.wav")


def test_the_quota_is_enforced_and_names_its_setting(spool: Spool) -> None:
    spool.reserve(spool.max_bytes - 10)
    with pytest.raises(OSError, match="SPOOL_MAX_BYTES"):
        spool.reserve(11)
    spool.reserve(10)
    assert spool.fullness >= 1
    spool.free(spool.max_bytes)
    assert spool.used_bytes == 0


def test_a_restart_counts_what_the_folder_holds(spool: Spool) -> None:
    for name in ("streams/c~s/mixed~a.part", "outbox/segments/c~s~mixed~a.wav"):
        path = spool.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(wav.HEADER_BYTES + 100))
    (spool.root / "streams/c~s/stream.0.json").write_bytes(b"{}")
    assert restart(spool).used_bytes == 200


def test_a_failure_is_logged_once_for_each_cause(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/spool/p1")
    spool.record_failure(full)
    spool.record_failure(full)
    spool.record_failure(OSError(errno.EIO, "Input/output error"))
    caplog.set_level(logging.INFO)
    spool.record_success()
    assert [record.getMessage() for record in caplog.records] == [
        'spool_write_failed error="OSError: No space left on device"',
        'spool_write_failed error="OSError: Input/output error"',
        "spool_write_recovered",
    ]


def test_quarantined_files_go_to_the_rejected_container(spool: Spool) -> None:
    segment = spool.outbox_path("segments", "call/a.wav")
    for content in (b"x", b"y"):
        segment.write_bytes(content)
        (file,) = spool.quarantine(segment)
        container, blob = blob_of(file)
        assert container == "rejected"
        assert re.fullmatch(r"segments/call/a\.[0-9a-f]{16}\.wav", blob)
        assert file.read_bytes() == content
    stream = spool.streams / "call~stream"
    stream.mkdir()
    (stream / "mixed~b.part").write_bytes(b"x")
    (file,) = spool.quarantine(stream)
    # Where a deletion of the call looks for it.
    assert blob_of(file)[1].startswith(f"{names.rejected_stream('call', 'stream')}mixed/b.")
    assert not stream.exists()


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr("os.pwrite", lambda fd, content, at: write(fd, bytes(content)[:3], at))
    path = tmp_path / "state"
    write_file(path, b"0123456789")
    assert path.read_bytes() == b"0123456789"


def test_accounts_add_up_whatever_thread_changes_them(spool: Spool) -> None:
    def change() -> None:
        for _ in range(20_000):
            assert spool.hold(3, 1 << 30)
            spool.count_open(2, 1)
            spool.reserve(5)
            spool.count_stale(4)
            spool.release(3)
            spool.count_open(-2, -1)
            spool.free(5)
            spool.count_stale(-4)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=change) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert (spool.backlog_bytes, spool.open_bytes, spool.open_segments) == (0, 0, 0)
    assert (spool.used_bytes, spool._stale_bytes) == (0, 0)


def test_open_segments_are_cut_early_where_they_hold_most_of_the_spool(spool: Spool) -> None:
    assert spool.early_cut_bytes() is None
    spool.count_open(spool.max_bytes // 2, 4)
    assert spool.early_cut_bytes() is None
    spool.count_open(8)
    assert spool.early_cut_bytes() == spool.max_bytes // 8 + 2


def test_audio_leaves_a_margin_of_the_disk(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """States, entries and manifests go there, so that a full stream can end."""
    disk = types.SimpleNamespace(f_frsize=1, f_blocks=160_000, f_bavail=10_100)
    monkeypatch.setattr("os.statvfs", lambda _: disk)
    spool.reserve(100)
    with pytest.raises(OSError, match="SPOOL_DIR"):
        spool.reserve(101)
