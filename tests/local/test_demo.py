"""The demo's word error rate and its list of checks."""

from __future__ import annotations

from typing import Any

import pytest

from local.demo import Check, _error_rate, _print_checks

AGENT, CALLER = "4:+15559990000", "4:+15551230000"
TRUTH = {
    "utterances": [
        {"who": "agent", "start_ms": 0, "text": "one two"},
        {"who": "caller", "start_ms": 500, "text": "three"},
        {"who": "agent", "start_ms": 900, "text": "four"},
    ]
}


def utterance(participant: str | None, start_ms: int, text: str) -> dict[str, Any]:
    return {"participant": participant, "start_ms": start_ms, "text": text}


def test_a_mixed_transcript_is_compared_in_the_order_of_time() -> None:
    mixed = [utterance(None, 0, "One, two three"), utterance(None, 900, "four.")]
    assert _error_rate(mixed, TRUTH, by_participant=False) == 0.0


def test_an_unmixed_transcript_is_compared_by_participant() -> None:
    unmixed = [
        utterance(AGENT, 0, "one two four"),
        # Overlapping speech: later in time, but the caller's own.
        utterance(CALLER, 950, "three"),
    ]
    assert _error_rate(unmixed, TRUTH, by_participant=True) == 0.0
    swapped = [utterance(CALLER, 0, "one two four"), utterance(AGENT, 950, "three")]
    assert _error_rate(swapped, TRUTH, by_participant=True) > 0.0


def test_checks_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    _print_checks([Check(True, "right"), Check(False, "wrong"), Check(None, "7 %")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["  ok     right", "  FAILED wrong", "  -      7 %"]
