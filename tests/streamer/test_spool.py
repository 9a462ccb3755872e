"""The spool's folder: its lock, its quota, and moves into its outbox."""

from __future__ import annotations

import contextlib
import errno
import logging
import sys
import threading
from pathlib import Path

import pytest

from contract import wav
from streamer.errors import SpoolInUse
from streamer.spool import Spool, move_file
from tests.streamer.spools import restart


def test_one_process_holds_the_spool_at_a_time(spool: Spool) -> None:
    with pytest.raises(SpoolInUse):
        Spool(spool.root, spool.max_bytes)
    spool.close()
    Spool(spool.root, spool.max_bytes).close()


def test_a_move_succeeds_although_its_folder_is_removed_meanwhile(tmp_path: Path) -> None:
    """Another stream of the call was uploaded. Reporting the segment as removed would lose it."""
    target = tmp_path / "outbox" / "call" / "stream" / "mixed" / "start.wav"
    done = threading.Event()

    def remove() -> None:
        while not done.is_set():
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
            move_file(tmp_path / "part", target)
            target.unlink()
    finally:
        done.set()
        remover.join()
        sys.setswitchinterval(switch)
    with pytest.raises(FileNotFoundError):
        move_file(tmp_path / "part", target)


def test_the_quota_is_enforced_and_names_its_setting(spool: Spool) -> None:
    spool.reserve(spool.max_bytes - 10)
    with pytest.raises(OSError, match="SPOOL_MAX_BYTES"):
        spool.reserve(11)
    spool.reserve(10)
    assert spool.fullness >= 1
    spool.free(spool.max_bytes)
    assert spool.used_bytes == 0


def test_a_restart_counts_what_the_folder_holds(spool: Spool) -> None:
    for name in ("streams/s/mixed/a.part", "outbox/segments/c/s/mixed/a.wav"):
        path = spool.root / name
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(wav.HEADER_BYTES + 100))
    (spool.root / "streams/s/stream.json").write_bytes(b"{}")
    assert restart(spool).used_bytes == 200


def test_a_failure_is_logged_once_for_each_cause(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/spool/4~3A~2B15551230000")
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


def test_quarantined_files_keep_their_place_below_rejected(spool: Spool) -> None:
    segment = spool.outbox / "segments" / "call" / "a.wav"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"x")
    (spool.streams / "stream").mkdir()
    spool.quarantine(segment)
    spool.quarantine(spool.streams / "stream")
    assert (spool.rejected / "segments" / "call" / "a.wav").read_bytes() == b"x"
    assert (spool.rejected / "stream").is_dir()
