"""What tests of the spool's modules share."""

from __future__ import annotations

from datetime import UTC, datetime

from contract import wav
from contract.manifest import Counts
from streamer.segment_file import SegmentFile
from streamer.segmenter import SegmentWriter
from streamer.spool import Spool
from streamer.stream_folder import StreamFolder, StreamState

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = 32_000
"""The bytes of a second of audio at 16 kHz."""


def create_state(number: int = 0, call: str = "call-1") -> StreamState:
    """Create the state of a stream; each number gives another stream id."""
    return StreamState(
        call_connection_id=call,
        stream_id=f"20260301T120000{number:03d}Z-0a1b2c3d",
        started_at=START,
    )


def seal_and_read(folder: StreamFolder, file: SegmentFile) -> bytes:
    """Seal a segment, and return its samples as the outbox has them."""
    target = folder.outbox_path(file)
    file.seal(Counts(), target)
    return wav.samples(target.read_bytes())


def restart(spool: Spool) -> Spool:
    """Close the spool and open it again, as a restart does."""
    spool.close()
    return Spool(spool.root, spool.max_bytes)


class FakeTrack:
    """What the spool sees of a track: its counts, and whether a segment is open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.position = 0
        self.start = 0
        self.counts = Counts()
        self.writer: SegmentWriter | None = None
        self.file: SegmentFile | None = None
        self.gaps: list[int] = []

    @property
    def is_open(self) -> bool:
        return self.writer is not None

    @property
    def length(self) -> int:
        return self.position - self.start
