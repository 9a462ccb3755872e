"""The word error rate."""

from __future__ import annotations

import pytest

from local.wer import word_error_rate


@pytest.mark.parametrize(
    ("transcript", "rate"),
    [
        ("Hello, my internet STOPS!", 0.0),
        ("hello my internet stop", 0.25),
        ("hello my stops", 0.25),
        ("well hello my internet stops", 0.25),
        ("", 1.0),
        ("a b c d e f", 1.5),
    ],
)
def test_word_error_rate(transcript: str, rate: float) -> None:
    assert word_error_rate("Hello my internet stops.", transcript) == rate
