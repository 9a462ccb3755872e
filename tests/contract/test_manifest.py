"""The manifest and a segment's metadata, encoded and decoded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contract import manifest as m

START = datetime(2024, 11, 15, 19, 16, 12, 925_000, tzinfo=UTC)
COUNTS = m.Counts(frames=9, gaps=1, filled_samples=320, late=2, repeated=3)
ENTRY = m.SegmentEntry(
    track="mixed",
    start=START,
    sample_rate=16_000,
    samples=8_000,
    bytes=16_044,
    sha256="00" * 32,
    counts=COUNTS,
    clock_offset_ms=-7.25,
)


def test_a_manifest_survives_encoding_and_decoding() -> None:
    manifest = m.Manifest(
        call_connection_id="call-1",
        stream_id="20241115T191612925Z-0a1b2c3d",
        sample_rate=16_000,
        started_at=START,
        ended_at=START,
        ended_by="1000",
        segments=[ENTRY],
        counts=COUNTS,
        packets={"AudioData": 9},
        dtmf=[m.DtmfTone(tone="3", received_at=START)],
    )
    assert m.decode_manifest(m.encode_manifest(manifest)) == manifest


@pytest.mark.parametrize(
    ("schema", "message"),
    [(1, "older than 2, and has no SHA-256"), (3, "newer than 2: update this app")],
)
def test_a_manifest_of_another_schema_is_refused(schema: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        m.decode_manifest(b'{"schema":%d,"segments":[{"md5":"00"}]}' % schema)


def test_what_is_not_a_manifest_is_refused() -> None:
    for blob in (b"", b"[]", b"{}", b'{"schema":2}'):
        with pytest.raises(ValueError, match=r"truncated|Expected|missing"):
            m.decode_manifest(blob)


def test_metadata_carries_every_count() -> None:
    metadata = m.segment_metadata(ENTRY)
    assert m.counts_from_metadata(metadata) == COUNTS
    assert (
        m.counts_from_metadata({name.title(): value for name, value in metadata.items()}) == COUNTS
    )
    assert metadata["samples"] == "8000"
    assert "lost" not in metadata, "a count of 0 is left out: each is a header of the upload"
    assert m.entry_from_metadata(metadata, 16_044) == ENTRY
    assert ENTRY.duration_ms == 500


def test_counts_add_up() -> None:
    total = m.Counts()
    total.add(COUNTS)
    total.add(COUNTS)
    assert (total.frames, total.filled_samples, total.repeated) == (18, 640, 6)
