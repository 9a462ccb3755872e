"""The recording: its file, and its samples against those of the segments."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from typing import IO

import msgspec
import numpy as np

from calls import blobs
from calls.results.call_result import CallResult
from calls.results.layout import Layout
from calls.results.recording import BLOCK_BYTES, channels, read_file, read_frames
from calls.storage import Storage
from calls.verify.report import Report, format_ms
from contract import names

_NOT_COMPARED = "not compared"
_RESAMPLED_STEPS = 1
"""By how many of 65,536 steps a resampled sample may differ: processors round differently."""


async def check_recording(
    storage: Storage, result: CallResult, layout: Layout | None, intact: set[str], report: Report
) -> None:
    """Compare the recording's file with the result, and its samples with the segments'.

    Args:
        storage: Where recordings and segments are.
        result: The call's result.
        layout: Where each segment lies in the recording; None: its samples are not compared.
        intact: The segments whose samples are known.
        report: Gets what differs.

    Raises AzureError; ResourceModifiedError if the recording is overwritten meanwhile.
    """
    call = result.call_connection_id
    blob = blobs.recording_blob(call)
    properties = await storage.properties(blobs.RECORDINGS, blob)
    if properties is None:
        report.differences.append(f"{blobs.RECORDINGS}/{blob} is missing")
        return
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        async for part in read_file(storage, call, properties):
            digest.update(part)
            file.write(part)
        expected = result.summary.recording_sha256
        if digest.hexdigest() == expected:
            report.checks.append(f"the recording is the file of the result, SHA-256 {expected}")
        else:
            report.differences.append(
                f"{blobs.RECORDINGS}/{blob} has the SHA-256 {digest.hexdigest()}, but the result "
                f"says {expected}"
            )
        if layout is not None:
            file.seek(0)
            await _compare_samples(storage, file, layout, intact, report, f"recordings/{blob}")


async def _compare_samples(
    storage: Storage,
    file: IO[bytes],
    layout: Layout,
    intact: set[str],
    report: Report,
    recording: str,
) -> None:
    import soundfile

    try:
        sound = soundfile.SoundFile(file)
    except soundfile.LibsndfileError as error:
        report.differences.append(f"{recording} cannot be decoded: {error.error_string}")
        return
    expected_format = (layout.sample_rate, channels(layout), layout.frames)
    if (sound.samplerate, sound.channels, sound.frames) != expected_format:
        report.differences.append(
            f"{recording} has {sound.frames} samples of {sound.channels} channels at "
            f"{sound.samplerate} Hz, but the manifests give {layout.frames} of "
            f"{channels(layout)} at {layout.sample_rate} Hz"
        )
        return
    comparison = _Comparison(layout, intact)
    step = BLOCK_BYTES // (2 * sound.channels)
    for start in range(0, layout.frames, step):
        end = min(start + step, layout.frames)
        expected = await read_frames(storage, comparison.layout, start, end)
        actual = await asyncio.to_thread(sound.read, end - start, "int16", always_2d=True)
        if len(actual) != len(expected):
            report.differences.append(f"{recording} cannot be decoded from sample {start} on")
            return
        comparison.compare(start, expected, actual)
    report.checks.append(comparison.describe())
    report.differences += [f"{recording} {line}" for line in comparison.differences()]


class _Comparison:
    """Finds which segments' places in the recording have other samples.

    ``layout`` has the segments whose samples are known. Where others lie, nothing is compared.
    """

    def __init__(self, layout: Layout, intact: set[str]) -> None:
        # The ends of a resampled segment depend on the segments beside it.
        unknown_tracks = {p.track for p in layout.placements if p.blob not in intact}
        self._left_out = {
            p.blob
            for p in layout.placements
            if p.fault is None
            and (p.blob not in intact or (layout.is_resampled(p) and p.track in unknown_tracks))
        }
        self.layout = msgspec.structs.replace(
            layout,
            placements=[
                msgspec.structs.replace(p, fault=_NOT_COMPARED) if p.blob in self._left_out else p
                for p in layout.placements
            ],
        )
        # By segment, or by track where there is silence: the first sample that differs, and how
        # many do.
        self._found: dict[str, tuple[int, int]] = {}

    def compare(self, start: int, expected: np.ndarray, actual: np.ndarray) -> None:
        """Compare frames from ``start`` on: arrays of shape (frames, channels), int16."""
        distance = np.abs(expected.astype(np.int32) - actual)
        # Where segments overlap, the later one in the list is in the recording.
        for placement in reversed(self.layout.placements):
            first = max(placement.position - start, 0)
            last = min(placement.end - start, len(distance))
            if first >= last or placement.fault not in (None, _NOT_COMPARED):
                continue
            channel = self.layout.tracks.index(placement.track)
            part = distance[first:last, channel]
            if placement.fault is None:
                steps = _RESAMPLED_STEPS if self.layout.is_resampled(placement) else 0
                self._note(f"{names.SEGMENTS}/{placement.blob}", start + first, part > steps)
            part[:] = 0
        for channel, track in enumerate(self.layout.tracks):
            self._note(f"silence of track {track}", start, distance[:, channel] > 0)

    def _note(self, place: str, start: int, differs: np.ndarray) -> None:
        if count := int(np.count_nonzero(differs)):
            first, before = self._found.get(place, (start + int(np.argmax(differs)), 0))
            self._found[place] = (first, before + count)

    def differences(self) -> list[str]:
        """Return a line for each place with other samples, in their order."""
        return [
            f"differs from {place} at {format_ms(first * 1000 / self.layout.sample_rate)}: "
            f"{count} sample{'' if count == 1 else 's'}"
            for place, (first, count) in sorted(self._found.items(), key=lambda item: item[1])
        ]

    def describe(self) -> str:
        """Say what was compared."""
        usable = [p for p in self.layout.placements if p.fault is None]
        text = (
            f"{format_ms(self.layout.duration_ms)} of {channels(self.layout)} channels were "
            f"compared with {len(usable)} segments"
        )
        resampled = sum(map(self.layout.is_resampled, usable))
        return text + (f", {resampled} of them resampled" if resampled else "")
