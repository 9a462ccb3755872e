"""The timeline as text."""

from __future__ import annotations

from typing import Any

from local import picture


def track(participant: str | None, speech: list[tuple[int, int]], **others: Any) -> dict[str, Any]:
    return {
        "track": "mixed",
        "participant": participant,
        "name": None,
        "talk_share": 0.5,
        "speech": [{"start_ms": start, "end_ms": end} for start, end in speech],
        "gaps": [],
        "waveform": {"window_ms": 100, "peaks": [0.0] * 50 + [0.3] * 50},
    } | others


def test_rows_of_blocks() -> None:
    document = {
        "duration_ms": 10_000,
        "tracks": [
            track("4:+1555", [(4000, 6000)], name="Zoë"),
            track(None, [], gaps=[{"start_ms": 0, "end_ms": 2000}]),
        ],
        "overlaps": [{"start_ms": 0, "end_ms": 500}],
        "longest_silence": {"start_ms": 6000, "end_ms": 10_000},
        "interruptions": [{"at_ms": 4000, "interrupter": "4:+1555", "interrupted": "4:+1666"}],
        "missing_segments": [{}],
    }
    assert picture.timeline(document, width=10) == [
        "Zoë            ····▁█····   50% of speech",
        "mixed          xx········   50% of speech",
        "               0    5 s  10 s",
        "0.5 s of overlap; longest silence 4.0 s, from 6.0 s; +1555 interrupts at 4.0 s; "
        "1 missing segments",
    ]
