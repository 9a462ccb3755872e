"""Reference labels by level, and agreement with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import references
from tests.calls.sample_streams import TRUTH, conversation


def test_labels_by_level_are_where_the_demo_conversation_has_speech() -> None:
    samples = np.frombuffer(conversation("agent"), dtype="<i2") / 32_768
    truth = [(u["start_ms"], u["end_ms"]) for u in TRUTH["utterances"] if u["who"] == "agent"]
    labels = references.label_by_level(samples)
    assert references.agreement(labels, truth, TRUTH["length_ms"]) > 0.97
    assert 20 * np.log10(references.active_level(samples)) == pytest.approx(-25, abs=1)


def test_rttm(tmp_path: Path) -> None:
    file = tmp_path / "speakers.rttm"
    file.write_text(
        "SPEAKER one 1 1.500 2.000 <NA> <NA> A <NA> <NA>\n"
        "SPEAKER one 1 3.000 1.000 <NA> <NA> B <NA> <NA>\n"
        "SPEAKER two 1 0.000 0.384 <NA> <NA> A <NA> <NA>\n"
    )
    assert references.read_rttm(file) == {"one": [(1500, 4000)], "two": [(0, 384)]}


def test_agreement_is_the_share_of_time() -> None:
    assert references.agreement([(0, 500)], [(0, 1000)], 2000) == 0.75
    assert references.agreement([], [(0, 1000)], 1000) == 0
