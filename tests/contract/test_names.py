"""Blob names: a grammar that no name can escape, and that has no place for a phone number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import blobs
from calls.principals import SYSTEM
from contract import names

START = datetime(2024, 11, 15, 19, 16, 12, 925_000, tzinfo=UTC)
STREAM = "20241115T191612925Z-0a1b2c3d"


def test_a_segments_name() -> None:
    name = names.SegmentName("call-1", STREAM, "mixed", START)
    assert name.blob == f"call-1/{STREAM}/mixed/20241115T191612.925Z.wav"
    assert names.parse_segment(name.blob) == name


def test_a_manifests_name() -> None:
    name = names.ManifestName("call-1", STREAM)
    assert names.parse_manifest(name.blob) == name


@given(st.integers(1, 9999))
def test_a_track_is_named_by_the_participant_s_number(number: int) -> None:
    track = names.track_name(number)
    assert names.is_track(track)
    assert names.track_number(track) == number


@pytest.mark.parametrize(
    "text", ["", "p", "p0", "p01", "p12345", "P1", "1", "p\u0661", "p1/", "+15551230000"]
)
def test_other_texts_are_not_tracks(text: str) -> None:
    assert not names.is_track(text)


def test_the_mixed_track_is_nobody_s() -> None:
    assert names.is_track(names.MIXED_TRACK)
    assert names.track_number(names.MIXED_TRACK) == 0


def test_a_participant_s_note() -> None:
    name = names.NoteName("call-1", STREAM, "p12")
    assert name.blob == f"call-1/{STREAM}.p12.note"
    assert names.parse_note(name.blob) == name
    for other in ("", "call-1", f"call-1/{STREAM}.note", f"call-1/{STREAM}.x.note", "a/b.p1.note"):
        with pytest.raises(names.MalformedName):
            names.parse_note(other)
    with pytest.raises(names.MalformedName):
        names.parse_note(name.blob.removesuffix(".note"))


@pytest.mark.parametrize(
    "blob",
    [
        "",
        "call-1",
        f"call-1/{STREAM}/mixed/20241115T191612.925Z.json",
        f"call-1/{STREAM}/mixed/20241315T191612.925Z.wav",
        f"call-1/{STREAM}/../20241115T191612.925Z.wav",
        f"../{STREAM}/mixed/20241115T191612.925Z.wav",
        f"call-1/x/{STREAM}/mixed/20241115T191612.925Z.wav",
        "call-1/stream/mixed/20241115T191612.925Z.wav",
    ],
)
def test_other_texts_are_not_segment_names(blob: str) -> None:
    with pytest.raises(names.MalformedName):
        names.parse_segment(blob)


@pytest.mark.parametrize(
    "blob", ["", "call-1", f"call-1/{STREAM}", f"../{STREAM}.json", "a/b.json"]
)
def test_other_texts_are_not_manifest_names(blob: str) -> None:
    with pytest.raises(names.MalformedName):
        names.parse_manifest(blob)


def test_a_stream_s_marker() -> None:
    marker = names.stream_marker("call-1", STREAM)
    assert marker == f"call-1/{STREAM}.open"
    assert names.parse_marker(marker) == names.ManifestName("call-1", STREAM)
    for other in ("", "call-1", f"call-1/{STREAM}.json", "call-1/x.open", f"../{STREAM}.open"):
        with pytest.raises(names.MalformedName):
            names.parse_marker(other)


def test_stream_ids_are_unique_and_sort_by_their_start() -> None:
    first, second = names.new_stream_id(START), names.new_stream_id(START)
    later = names.new_stream_id(START + timedelta(milliseconds=1))
    assert first != second
    assert max(first, second) < later
    assert all(map(names.is_stream_id, (first, second, later)))
    assert names.stream_start(later) == START + timedelta(milliseconds=1)


def test_tokens_and_keys_are_named_by_their_hash_only() -> None:
    assert "secret" not in names.grant_blob("secret") + blobs.idempotency_blob(SYSTEM, "secret")
    assert names.grant_blob("a") != names.grant_blob("b")


def test_no_idempotency_key_collides_with_an_incoming_call() -> None:
    incoming = blobs.incoming_blob("d732db64-4803-462d-be9c-518943ea2b7a")
    assert incoming != blobs.incoming_blob("d732db64-4803-462d-be9c-518943ea2b7b")
    for key in ("d732db64-4803-462d-be9c-518943ea2b7a", incoming):
        assert blobs.idempotency_blob(SYSTEM, key).startswith("incoming") is False
    assert incoming.startswith("incoming-")
