"""A call's timeline as text: a row of blocks for each track. Pure."""

from __future__ import annotations

import itertools
from typing import Any

from acs import identifiers

_LEVELS = "▁▂▃▄▅▆▇█"
_QUIET, _GAP = "·", "x"
_LABEL = 14


def timeline(document: dict[str, Any], width: int = 72) -> list[str]:
    """Return the lines of a timeline document: speech as blocks, whose height is its level."""
    length = max(1, document["duration_ms"])
    edges = [at * length / width for at in range(width + 1)]
    top = max((max(t["waveform"]["peaks"], default=0.0) for t in document["tracks"]), default=0.0)
    lines = []
    for track in document["tracks"]:
        row = [_draw_block(track, *span, top or 1.0) for span in itertools.pairwise(edges)]
        label = track["name"] or identifiers.display_id(track["participant"] or track["track"])
        lines.append(f"{label:{_LABEL}} {''.join(row)}  {track['talk_share']:4.0%} of speech")
    lines.append(" " * (_LABEL + 1) + _draw_axis(length / 1000, width))
    lines.append(_summarise(document))
    return lines


def _draw_block(track: dict[str, Any], start_ms: float, end_ms: float, top: float) -> str:
    def covers(spans: list[dict[str, int]]) -> bool:
        middle = (start_ms + end_ms) / 2
        return any(span["start_ms"] <= middle < span["end_ms"] for span in spans)

    if covers(track["gaps"]):
        return _GAP
    if not covers(track["speech"]):
        return _QUIET
    window = track["waveform"]["window_ms"]
    peaks = track["waveform"]["peaks"][int(start_ms // window) : int(end_ms // window) + 1]
    level = sum(peaks) / len(peaks) / top if peaks else 0.0
    return _LEVELS[min(len(_LEVELS) - 1, int(level * len(_LEVELS)))]


def _draw_axis(seconds: float, width: int) -> str:
    step = max(5, round(seconds / 6 / 5) * 5)
    axis = [" "] * (width + 6)
    for mark in range(0, int(seconds) + 1, step):
        text = f"{mark} s" if mark else "0"
        at = round(mark / seconds * width)
        axis[at : at + len(text)] = text
    return "".join(axis).rstrip()


def _summarise(document: dict[str, Any]) -> str:
    facts = []
    overlap_ms = sum(span["end_ms"] - span["start_ms"] for span in document["overlaps"])
    if overlap_ms:
        facts.append(f"{overlap_ms / 1000:.1f} s of overlap")
    if silence := document["longest_silence"]:
        length = (silence["end_ms"] - silence["start_ms"]) / 1000
        facts.append(f"longest silence {length:.1f} s, from {silence['start_ms'] / 1000:.1f} s")
    for interruption in document["interruptions"]:
        name = identifiers.display_id(interruption["interrupter"])
        facts.append(f"{name} interrupts at {interruption['at_ms'] / 1000:.1f} s")
    if missing := document["missing_segments"]:
        facts.append(f"{len(missing)} missing segments")
    return "; ".join(facts)
