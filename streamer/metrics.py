"""The streamer's metrics, served as ``GET /metrics``. None is updated per frame."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from contract.manifest import Counts

REGISTRY = CollectorRegistry()

STREAMS = Gauge("streamer_streams", "Streams that are open", registry=REGISTRY)
STREAMS_OPENED = Counter("streamer_streams_opened", "Streams accepted", registry=REGISTRY)
STREAMS_CLOSED = Counter(
    "streamer_streams_closed", "Streams closed, by close code", ["reason"], registry=REGISTRY
)
HANDSHAKES_REFUSED = Counter(
    "streamer_handshakes_refused", "Handshakes refused, by reason", ["reason"], registry=REGISTRY
)
HANDSHAKES_WARNED = Counter(
    "streamer_handshakes_warned",
    "Handshakes admitted although a check set to warn failed, by reason",
    ["reason"],
    registry=REGISTRY,
)
PACKETS_MALFORMED = Counter(
    "streamer_packets_malformed",
    "Messages that are not valid media packets, by reason",
    ["reason"],
    registry=REGISTRY,
)
FRAMES = Counter(
    "streamer_frames",
    "Frames by outcome, counted when their segment ends",
    ["outcome"],
    registry=REGISTRY,
)
FILLED_SECONDS = Counter(
    "streamer_filled_seconds", "Silence filled in where frames were missing", registry=REGISTRY
)
SEGMENTS_UPLOADED = Counter(
    "streamer_segments_uploaded", "Segments uploaded to Blob Storage", registry=REGISTRY
)
MANIFESTS_UPLOADED = Counter(
    "streamer_manifests_uploaded", "Manifests uploaded to Blob Storage", registry=REGISTRY
)
UPLOAD_FAILURES = Counter(
    "streamer_upload_failures", "Uploads that failed and are tried again", registry=REGISTRY
)
UPLOADS_REJECTED = Counter(
    "streamer_uploads_rejected",
    "Files quarantined because their blob exists with other content",
    registry=REGISTRY,
)
SPOOL_BYTES = Gauge("streamer_spool_bytes", "Audio in the spool", registry=REGISTRY)
SPOOL_ERRORS = Counter(
    "streamer_spool_errors",
    "Writes to the spool that failed (such as on a full disk)",
    registry=REGISTRY,
)
OUTBOX_FILES = Gauge("streamer_outbox_files", "Files that wait for their upload", registry=REGISTRY)
OUTBOX_AGE_SECONDS = Gauge(
    "streamer_outbox_age_seconds",
    "How long the oldest file has waited for its upload",
    registry=REGISTRY,
)


def count_frames(counts: Counts, sample_rate: int, *, counted_lost: int = 0) -> None:
    """Add the counts of a finished segment of ``sample_rate`` samples a second.

    ``counted_lost`` of its lost frames were counted before (see ``count_lost``).
    """
    for outcome in ("frames", "repeated", "late", "late_dropped", "unstamped"):
        FRAMES.labels("placed" if outcome == "frames" else outcome).inc(getattr(counts, outcome))
    count_lost(max(0, counts.lost - counted_lost))
    FILLED_SECONDS.inc(max(0, counts.filled_samples) / sample_rate)


def count_lost(frames: int) -> None:
    """Count frames that were lost, in the moment in which they are."""
    FRAMES.labels("lost").inc(frames)


def count_removed(frames: int) -> None:
    """Count a file that was removed from the spool by hand, and its frames as lost."""
    SPOOL_ERRORS.inc()
    count_lost(frames)


def render() -> bytes:
    """Return all metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
