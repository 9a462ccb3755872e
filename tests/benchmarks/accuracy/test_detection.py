"""Measuring detection, on the demo conversation: the small version of ``make accuracy``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.accuracy import detection, references, report, sounds
from benchmarks.accuracy.detection import Agreement, Recording
from benchmarks.accuracy.dialogue import Dialogue
from tests.benchmarks.accuracy.recordings import demo_recording

RECORDINGS = [demo_recording("agent", "agent", 0, 9), demo_recording("caller", "caller", 0, 9)]
CONDITIONS = detection.conditions(references.active_level(RECORDINGS[0].samples))
DEMO = Dialogue(
    {one.name: one.samples for one in RECORDINGS}, {one.name: one.labels for one in RECORDINGS}
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_speech_is_found_in_each_condition(condition: str) -> None:
    result = detection.measure_agreement(condition, RECORDINGS, CONDITIONS[condition])
    assert result.mean >= report.LOWEST.get(condition, 0.93)
    assert (result.missed, result.stretches) == (0, 9)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_interruption_is_invented(condition: str) -> None:
    result = detection.measure_interruptions(condition, DEMO, CONDITIONS[condition])
    assert (result.labelled, result.found, result.false) == (1, 1, 0)


def test_no_sound_is_speech() -> None:
    shares = detection.measure_sounds(seconds=6)
    assert len(shares) == len(sounds.make_sounds(1))
    assert not {name: share for name, share in shares.items() if share > report.HIGHEST_SPEECH}


def test_what_is_missed_is_counted() -> None:
    silent = Recording("silent", np.zeros(16_000), [(0, 250), (500, 750)])
    assert detection.measure_agreement("none", [silent]) == Agreement("none", 0.5, 0.5, 0.5, 2, 2)


def test_recordings_are_read_with_their_labels(tmp_path: Path) -> None:
    voice = demo_recording("voice", "agent", 0, 1)
    soundfile.write(tmp_path / "austen_0870.flac", voice.samples / 4, 16_000)
    soundfile.write(tmp_path / "ami_one.flac", voice.samples, 16_000)
    (tmp_path / "speakers.rttm").write_text("SPEAKER one 1 0.5 3.6 <NA> <NA> A <NA> <NA>\n")
    (reader,) = detection.read_readers(tmp_path)
    assert references.active_level(reader.samples) == pytest.approx(10 ** (-25 / 20), rel=0.05)
    (label,) = reader.labels
    pause_ms = 1000 * detection.PAUSE_SECONDS
    assert label[0] == pytest.approx(pause_ms + 500, abs=100)
    (meeting,) = detection.read_meetings(tmp_path)
    assert (meeting.name, meeting.labels) == ("ami_one", [(500, 4100)])
