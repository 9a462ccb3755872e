"""Sample streams: what the streamer would have written to Blob Storage."""

from __future__ import annotations

import hashlib
import json
import uuid
import wave
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from contract import names, wav
from contract.manifest import Counts, Manifest, SegmentEntry, encode_manifest, segment_metadata

STARTED_AT = datetime(2026, 11, 24, 12, 0, 0, 123_457, tzinfo=UTC)
CONVERSATION = Path(__file__).parents[2] / "local" / "conversation"
TRUTH = json.loads((CONVERSATION / "truth.json").read_text())
"""When each side of the demo conversation speaks, in milliseconds."""


def conversation(side: str, rate: int = 16_000) -> bytes:
    """One side of the demo conversation (``agent`` or ``caller``), as PCM."""
    with wave.open(str(CONVERSATION / f"{side}.{rate}.wav")) as file:
        pcm: bytes = file.readframes(file.getnframes())
        return pcm


def noise(samples: int, seed: int = 1) -> bytes:
    """Random samples, the same for the same seed."""
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype("<i2").tobytes()


class SampleStream:
    """One stream of a call: tracks cut into segments, and their manifest.

    Participants are numbered in the order of ``pcm``; ``None`` is the mixed track. ``files`` holds
    each segment's WAV file and metadata by the name of its blob.
    """

    def __init__(
        self,
        call: str,
        pcm: Mapping[Any, bytes],
        *,
        rate: int = 16_000,
        start: datetime = STARTED_AT,
        segment_seconds: float = 10.0,
        counts: Counts | None = None,
    ) -> None:
        self.call = call
        self.rate = rate
        self.pcm = pcm
        self.stream_id = (
            f"{start:%Y%m%dT%H%M%S}{start.microsecond // 1000:03d}Z-" + (uuid.uuid4().hex[:8])
        )
        numbered = [participant for participant in pcm if participant is not None]
        self.tracks = {
            participant: names.track_name(number) for number, participant in enumerate(numbered, 1)
        } | {None: names.MIXED_TRACK}
        """The track's name of each participant."""
        self.files: dict[str, tuple[bytes, dict[str, str]]] = {}
        entries = []
        step = round(rate * segment_seconds) * 2
        for participant, samples in pcm.items():
            for offset in range(0, len(samples), step):
                part = samples[offset : offset + step]
                file = wav.header(rate, len(part)) + part
                entry = SegmentEntry(
                    track=self.tracks[participant],
                    start=start + timedelta(microseconds=round(offset * 500_000 / rate)),
                    sample_rate=rate,
                    samples=len(part) // 2,
                    bytes=len(file),
                    sha256=hashlib.sha256(file).hexdigest(),
                    counts=counts or Counts(frames=len(part) // 640),
                )
                entries.append(entry)
                blob = entry.name(call, self.stream_id).blob
                self.files[blob] = (file, segment_metadata(entry))
        longest = max((len(samples) for samples in pcm.values()), default=0)
        self.manifest = Manifest(
            call_connection_id=call,
            stream_id=self.stream_id,
            sample_rate=rate,
            started_at=start,
            ended_at=start + timedelta(microseconds=longest * 500_000 // rate),
            ended_by="1000",
            segments=entries,
            counts=Counts(),
            participants={self.tracks[participant]: participant for participant in numbered},
        )

    def join(self, later: SampleStream) -> SampleStream:
        """This stream, continued by the segments of another, as if its sample rate had changed."""
        for entry in later.manifest.segments:
            content = later.files[entry.name(later.call, later.stream_id).blob]
            self.files[entry.name(self.call, self.stream_id).blob] = content
        self.manifest = msgspec.structs.replace(
            self.manifest,
            sample_rate=later.rate,
            ended_at=later.manifest.ended_at,
            segments=[*self.manifest.segments, *later.manifest.segments],
        )
        return self

    @property
    def manifest_blob(self) -> tuple[str, bytes]:
        """The manifest's name and content."""
        return f"{self.call}/{self.stream_id}.json", encode_manifest(self.manifest)

    def break_first_segment(self) -> str:
        """Break the header of the first segment's WAV file; returns the name of its blob."""
        blob = next(iter(self.files))
        file, metadata = self.files[blob]
        self.files[blob] = (b"RIFX" + file[4:], metadata)
        return blob


def new_call_id() -> str:
    """A unique call connection id."""
    return uuid.uuid4().hex
