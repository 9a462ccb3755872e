"""What the manifests say was lost or erased: not a difference, but part of the proof. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from calls.results.layout import Layout
from calls.verify.report import format_ms
from contract.manifest import Manifest


def list_losses(manifests: Iterable[Manifest], layout: Layout) -> list[str]:
    """Return a line for each stream, segment and stretch of a track that lacks audio."""
    return [*_of_streams(manifests), *_of_tracks(layout)]


def _of_streams(manifests: Iterable[Manifest]) -> Iterator[str]:
    for manifest in sorted(manifests, key=lambda manifest: manifest.stream_id):
        counts = manifest.counts
        texts = [f"frames lost: {counts.lost}"] if counts.lost else []
        texts += [f"frames too late: {counts.late_dropped}"] if counts.late_dropped else []
        recovered = sum(entry.recovered for entry in manifest.segments)
        texts += [f"segments recovered after a crash: {recovered}"] if recovered else []
        texts += [
            f"track {track.track} was erased on {track.erased_at:%Y-%m-%d} "
            f"(segments: {track.segments}, deletion {track.deletion})"
            for track in manifest.erased
        ]
        if texts:
            yield f"stream {manifest.stream_id}: {', '.join(texts)}"


def _of_tracks(layout: Layout) -> Iterator[str]:
    for track in layout.tracks:
        placements = [p for p in layout.placements if p.track == track]
        placements.sort(key=lambda placement: placement.position)
        for placement in placements:
            if placement.counts.filled_samples:
                at = format_ms(layout.milliseconds(placement.position))
                filled_ms = placement.counts.filled_samples * 1000 / placement.sample_rate
                yield (
                    f"track {track}, segment at {at}: {filled_ms:g} ms of silence "
                    f"(gaps: {placement.counts.gaps})"
                )
        ends = itertools.accumulate((p.end for p in placements), max)
        for end, following in zip(ends, placements[1:], strict=False):
            if layout.milliseconds(following.position) > layout.milliseconds(end) + 1:
                yield (
                    f"track {track}: nothing was streamed from "
                    f"{format_ms(layout.milliseconds(end))} to "
                    f"{format_ms(layout.milliseconds(following.position))}"
                )
