"""What the streamer counts, served as ``GET /metrics``. Nothing here is touched per frame."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from contract.manifest import Counts

REGISTRY = CollectorRegistry()

STREAMS = Gauge("streamer_streams", "Streams that are open now", registry=REGISTRY)
STREAMS_OPENED = Counter("streamer_streams_opened", "Streams accepted", registry=REGISTRY)
STREAMS_CLOSED = Counter(
    "streamer_streams_closed", "Streams that ended, by why", ["reason"], registry=REGISTRY
)
HANDSHAKES_REFUSED = Counter(
    "streamer_handshakes_refused", "Handshakes refused, by why", ["reason"], registry=REGISTRY
)
HANDSHAKES_WARNED = Counter(
    "streamer_handshakes_warned",
    "Handshakes let in that a check set to warn would refuse, by why",
    ["reason"],
    registry=REGISTRY,
)
PACKETS_MALFORMED = Counter(
    "streamer_packets_malformed",
    "Messages that are no media packet, by why",
    ["reason"],
    registry=REGISTRY,
)
FRAMES = Counter(
    "streamer_frames",
    "Frames by what became of them, counted as segments end",
    ["outcome"],
    registry=REGISTRY,
)
FILLED_SECONDS = Counter(
    "streamer_filled_seconds", "Silence put where frames were missing", registry=REGISTRY
)
SEGMENTS_UPLOADED = Counter(
    "streamer_segments_uploaded", "Segments that Blob Storage has", registry=REGISTRY
)
MANIFESTS_UPLOADED = Counter(
    "streamer_manifests_uploaded", "Manifests that Blob Storage has", registry=REGISTRY
)
UPLOAD_FAILURES = Counter(
    "streamer_upload_failures", "Uploads that failed and will be tried again", registry=REGISTRY
)
UPLOADS_REJECTED = Counter(
    "streamer_uploads_rejected",
    "Files put aside: Blob Storage holds another of that name",
    registry=REGISTRY,
)
SPOOL_BYTES = Gauge("streamer_spool_bytes", "Audio held in the spool", registry=REGISTRY)
SPOOL_ERRORS = Counter(
    "streamer_spool_errors", "Writes to the spool that failed (a full disk)", registry=REGISTRY
)
OUTBOX_FILES = Gauge("streamer_outbox_files", "Files that wait for Blob", registry=REGISTRY)
OUTBOX_AGE_SECONDS = Gauge(
    "streamer_outbox_age_seconds", "How long the oldest of them has waited", registry=REGISTRY
)


def count_frames(counts: Counts, sample_rate: int) -> None:
    """Add a finished segment's counts."""
    for outcome in ("frames", "repeated", "late", "late_dropped", "unstamped", "lost"):
        FRAMES.labels("placed" if outcome == "frames" else outcome).inc(getattr(counts, outcome))
    FILLED_SECONDS.inc(max(0, counts.filled_samples) / sample_rate)


def count_removed(frames: int) -> None:
    """Count a file that was removed from the spool by hand, and the frames that were in it."""
    SPOOL_ERRORS.inc()
    FRAMES.labels("lost").inc(frames)


def render() -> bytes:
    """All metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
