"""One stream as it should be, to compare with what the spool made of it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from contract import names, wav
from contract.manifest import Counts, Manifest, decode_manifest
from streamer.stream_folder import StreamState
from tests.streamer.spools import START

FRAME = 320
RATE = 16_000


class Model:
    """One stream as it should be: by track and frame, the values that it may have."""

    def __init__(self, state: StreamState) -> None:
        self.state = state
        self.values: dict[tuple[str, int], set[int]] = {}
        self.silence: set[tuple[str, int]] = set()
        # Frames on disk: no kill may lose them.
        self.safe: set[tuple[str, int]] = set()
        self.patched = 0

    def check(self, blobs: dict[str, bytes], *, was_killed: bool) -> None:
        """Check what a stream that has ended left in Blob Storage."""
        state = self.state
        blob = names.ManifestName(state.call_connection_id, state.stream_id).blob
        content = blobs.get(f"{names.MANIFESTS}/{blob}")
        if content is None:
            assert was_killed, "killed before the stream was begun"
            assert not self.safe
            return
        manifest = decode_manifest(content)
        stored = self.stored_samples(blobs, manifest)
        whole, lost = set(), set()
        for key, values in self.values.items():
            samples = [stored.get((key[0], key[1] * FRAME + n)) for n in range(FRAME)]
            content_of_frame = set(samples)
            if key in self.safe:
                assert None not in content_of_frame, f"{key} was on the disk"
            if content_of_frame <= values and len(content_of_frame) == 1:
                whole.add(key)
            else:
                lost.add(key)
                assert content_of_frame <= {*values, None, 0}
        self.check_counts(manifest.counts, whole, lost, was_killed=was_killed)

    def stored_samples(
        self, blobs: dict[str, bytes], manifest: Manifest
    ) -> dict[tuple[str, int], int]:
        """Return the value of every sample by track and position; each is there once."""
        stream = f"{names.SEGMENTS}/{self.state.call_connection_id}/{self.state.stream_id}/"
        unlisted = {name for name in blobs if name.startswith(stream)}
        stored: dict[tuple[str, int], int] = {}
        for entry in manifest.segments:
            name = entry.name(self.state.call_connection_id, self.state.stream_id).blob
            content = blobs[f"{names.SEGMENTS}/{name}"]
            unlisted.remove(f"{names.SEGMENTS}/{name}")
            assert hashlib.sha256(content).hexdigest() == entry.sha256
            start = round((entry.start - START) / timedelta(seconds=1) * RATE)
            samples = memoryview(wav.samples(content)).cast("h")
            for index, value in enumerate(samples):
                key = (entry.track, start + index)
                assert key not in stored, "audio is in two segments"
                stored[key] = value
        assert not unlisted, "a segment is in no manifest"
        return stored

    def check_counts(
        self,
        counts: Counts,
        whole: set[tuple[str, int]],
        lost: set[tuple[str, int]],
        *,
        was_killed: bool,
    ) -> None:
        frames = len(whole - self.silence)
        lost_frames = len(lost - self.silence)
        if not was_killed:
            assert counts.frames + counts.lost == frames + lost_frames
            assert counts.lost >= lost_frames
            assert not lost or counts.lost
            return
        # Silence is not told as frames. A late frame of the last second may be told as silence, and
        # half a frame as one.
        slack = 4 + self.patched
        assert counts.frames <= frames + slack
        assert counts.frames + counts.lost >= frames - slack
        assert counts.frames + counts.lost <= frames + lost_frames + slack


def frame_of(value: int) -> bytes:
    return value.to_bytes(2, "little", signed=True) * FRAME


def moment(position: int) -> datetime:
    return START + timedelta(microseconds=position * FRAME * 1_000_000 // RATE)


def position_of(start: datetime) -> int:
    return round((start - START) / timedelta(seconds=1) * RATE / FRAME)
