"""The counts of a segment of which only a part is written, or kept. Pure."""

from __future__ import annotations

import msgspec

from contract.manifest import Counts


def count_losses(counts: Counts, lost_frames: int, samples: int, frame_samples: int) -> None:
    """Count frames as lost, and the silence in their place as filled in.

    Args:
        counts: The segment's counts, which are changed.
        lost_frames: How many frames were lost.
        samples: How long the segment is.
        frame_samples: How long a frame is.
    """
    lost = min(lost_frames, counts.frames)
    counts.lost += lost
    counts.frames -= lost
    limit_marked(counts)
    audio_samples = counts.frames * frame_samples + counts.corrected_samples
    counts.filled_samples = max(0, samples - audio_samples)


def split_counts(counts: Counts, samples: int, frame_samples: int) -> Counts:
    """Take out of a segment's counts what lies behind its first ``samples``, and return that."""
    frames = min(counts.frames, samples // frame_samples)
    filled_samples = min(counts.filled_samples, max(0, samples - frames * frame_samples))
    rest = Counts(
        frames=counts.frames - frames,
        silent_frames=max(0, counts.silent_frames - frames),
        unstamped=max(0, counts.unstamped - frames),
        filled_samples=counts.filled_samples - filled_samples,
    )
    counts.frames = frames
    counts.filled_samples = filled_samples
    limit_marked(counts)
    return rest


def limit_marked(counts: Counts) -> None:
    """Bound the counts of silent and of unstamped frames by that of all frames."""
    counts.silent_frames = min(counts.silent_frames, counts.frames)
    counts.unstamped = min(counts.unstamped, counts.frames)


def written_counts(counts: Counts, samples: int, frame_samples: int) -> Counts:
    """Return a copy of a segment's counts of when its first ``samples`` are written.

    The segmenter counts silence before it hands all of it over: what is to come is left out.
    """
    written = msgspec.structs.replace(counts)
    total = written.frames * frame_samples + written.filled_samples + written.corrected_samples
    surplus = total - samples
    if surplus >= 2 * frame_samples:
        written.filled_samples -= min(surplus, written.filled_samples)
    return written
