"""The labelled dialogue, with the demo conversation's voices."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.dialogue import GUEST, HOLD_MUSIC_MS, READER, SCRIPT, make_dialogue
from benchmarks.accuracy.sounds import RATE
from calls.results import timeline
from calls.results.timeline import Interruption
from tests.benchmarks.accuracy.recordings import demo_recording


def test_the_labels_are_where_the_samples_are() -> None:
    recordings = {
        line.recording: demo_recording(line.recording, "agent", 0, 1)
        if line.track == READER
        else demo_recording(line.recording, "caller", 0, 3)
        for line in SCRIPT
    }
    dialogue = make_dialogue(
        {name: recording.samples for name, recording in recordings.items()},
        {name: recording.labels for name, recording in recordings.items()},
    )
    for track in (READER, GUEST):
        is_label = np.zeros(len(dialogue.samples[track]), dtype=bool)
        for start, end in dialogue.labels[track]:
            is_label[start * RATE // 1000 : end * RATE // 1000] = True
        if track == READER:
            start, end = HOLD_MUSIC_MS
            assert dialogue.samples[track][start * RATE // 1000 : end * RATE // 1000].any()
            is_label[start * RATE // 1000 : end * RATE // 1000] = True
        assert not dialogue.samples[track][~is_label].any()
    interruption = Interruption(at_ms=19_200, interrupter=GUEST, interrupted=READER)
    assert interruption in timeline.find_interruptions(dialogue.labels)
