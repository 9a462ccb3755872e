"""A socket's books and its recording, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.soak.audit import Segment, audit
from benchmarks.soak.ledger import SentFrame, SocketRecord, Totals
from benchmarks.soak.numbered import encode_numbered
from contract.manifest import Counts, Manifest, SegmentEntry, total

RATE = 16_000
FRAME = 320
ORIGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN_US = round(ORIGIN.timestamp()) * 1_000_000


def sent(number: int, **changes: object) -> SentFrame:
    """A frame of the mixed track, sent and stamped 20 ms after the one before it."""
    frame = SentFrame(number, "mixed", ORIGIN_US + number * 20_000, number * 0.02)
    return frame._replace(**changes)  # type: ignore[arg-type]


def record(frames: list[SentFrame], **changes: object) -> SocketRecord:
    """A socket that sent these frames, and was closed."""
    books = SocketRecord("call", "socket", "streamer", RATE, 0.0, ended_at=60.0, ended_by="close")
    books.sent = frames
    for name, value in changes.items():
        setattr(books, name, value)
    return books


def audio(*numbers: int) -> bytes:
    """The audio of frames, one after another."""
    return b"".join(encode_numbered(number, FRAME) for number in numbers)


def segment(
    pcm: bytes,
    start: float = 0.0,
    counts: Counts | None = None,
    *,
    track: str = "mixed",
    recovered: bool = False,
) -> Segment:
    """A recorded segment that begins ``start`` seconds after the origin."""
    entry = SegmentEntry(
        track=track,
        start=ORIGIN + timedelta(seconds=start),
        sample_rate=RATE,
        samples=len(pcm) // 2,
        bytes=44 + len(pcm),
        sha256="",
        counts=counts or Counts(),
        recovered=recovered,
    )
    return Segment(entry, pcm)


def audit_segments(books: SocketRecord, *segments: Segment) -> Totals:
    """Audit a socket against these segments, with the manifest that they have."""
    entries = [part.entry for part in segments]
    manifest = Manifest(
        call_connection_id="call",
        stream_id="stream",
        sample_rate=RATE,
        started_at=ORIGIN,
        ended_at=ORIGIN,
        ended_by="",
        segments=entries,
        counts=total(entries),
    )
    return audit(books, manifest, list(segments), 1.0)
