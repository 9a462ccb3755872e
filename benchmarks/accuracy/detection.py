"""Measures the voice activity detection, and the interruptions that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from benchmarks.accuracy import references, sounds
from benchmarks.accuracy.dialogue import Dialogue, make_dialogue
from benchmarks.accuracy.sounds import RATE
from calls.results import timeline, voice_activity
from calls.results.timeline import Interruption
from calls.results.voice_activity import Span

SEGMENT_SECONDS = 30
PAUSE_SECONDS = 2
"""Before and after each recording: its reader then speaks half of the time, as in a call."""
SOUND_SECONDS = 60
SOUND_LEVELS = (-20.0, -40.0)
READER_DBFS = -25.0
TUNING = {"ami_trn01", "ami_trn05", "austen_0880", "austen_0930", "jfk"}
"""Parameters were chosen by these files; the others were held out."""

_TOLERANCE_MS = 500

Change = Callable[[np.ndarray], np.ndarray]


class Recording(NamedTuple):
    """A recording and the reference labels of its speech."""

    name: str
    samples: np.ndarray
    labels: list[Span]


class Agreement(NamedTuple):
    """Shares of time with the right decision, over the recordings of one condition.

    ``lowest`` is the worst recording's, ``held_out`` the mean of those that nothing was tuned to,
    ``missed`` the number of stretches of speech in which nothing was detected.
    """

    condition: str
    mean: float
    held_out: float
    lowest: float
    missed: int
    stretches: int


class Interruptions(NamedTuple):
    """The interruptions of the dialogue in one condition: labelled, found, and false ones."""

    condition: str
    labelled: int
    found: int
    false: int


def conditions(level: float) -> dict[str, Change]:
    """The ways in which a clean recording is changed; ``level`` is that of its speech."""

    def add_noise(snr_db: float) -> Change:
        return lambda samples: sounds.add_noise(samples, snr_db, level)

    def attenuate(db: float) -> Change:
        return lambda samples: samples * 10 ** (-db / 20)

    return {
        "clean": lambda samples: samples,
        "telephone band": sounds.to_telephone,
        "20 dB of noise": add_noise(20),
        "10 dB of noise": add_noise(10),
        "telephone, 20 dB of noise": lambda s: sounds.to_telephone(add_noise(20)(s)),
        "telephone, 10 dB of noise": lambda s: sounds.to_telephone(add_noise(10)(s)),
        "20 dB down": attenuate(20),
        "30 dB down": attenuate(30),
        "telephone, 30 dB down": lambda s: sounds.to_telephone(attenuate(30)(s)),
    }


def read_readers(folder: Path, below_db: float = references.BELOW_PEAK_DB) -> list[Recording]:
    """Read the recordings of one reader, at one level, with silence on both sides."""
    recordings = []
    for file in sorted((*folder.glob("austen_*.flac"), *folder.glob("jfk.flac"))):
        samples = soundfile.read(file)[0]
        samples *= 10 ** (READER_DBFS / 20) / references.active_level(samples)
        silence = np.zeros(PAUSE_SECONDS * RATE)
        shifted = [
            (start + PAUSE_SECONDS * 1000, end + PAUSE_SECONDS * 1000)
            for start, end in references.label_by_level(samples, below_db)
        ]
        recordings.append(
            Recording(file.stem, np.concatenate([silence, samples, silence]), shifted)
        )
    return recordings


def read_meetings(folder: Path) -> list[Recording]:
    """Read the real meetings with their labels."""
    labels = references.read_rttm(folder / "speakers.rttm")
    return [
        Recording(file.stem, soundfile.read(file)[0], labels[file.stem.removeprefix("ami_")])
        for file in sorted(folder.glob("ami_*.flac"))
    ]


def detect(samples: np.ndarray, rate: int = RATE) -> list[Span]:
    """Detect speech as the product does: per segment of 30 s, joined as in the timeline."""
    size = SEGMENT_SECONDS * rate
    spans: list[Span] = []
    for first in range(0, len(samples), size):
        offset_ms = first * 1000 // rate
        pcm = sounds.to_pcm(samples[first : first + size])
        spans += [
            (offset_ms + start, offset_ms + end)
            for start, end in voice_activity.detect_speech(pcm, rate)
        ]
    return [
        (start, end)
        for start, end in voice_activity.bridge_pauses(spans)
        if end - start >= voice_activity.SHORTEST_MS
    ]


def measure_agreement(
    condition: str, recordings: Sequence[Recording], change: Change | None = None
) -> Agreement:
    """Measure the agreement with the reference labels in one condition."""
    shares: dict[str, float] = {}
    missed = stretches = 0
    for recording in recordings:
        samples = change(recording.samples) if change else recording.samples
        spans = detect(samples)
        shares[recording.name] = references.agreement(
            spans, recording.labels, len(samples) * 1000 // RATE
        )
        stretches += len(recording.labels)
        missed += sum(
            not any(start < label[1] and end > label[0] for start, end in spans)
            for label in recording.labels
        )
    held_out = [share for name, share in shares.items() if name not in TUNING]
    return Agreement(
        condition,
        float(np.mean([*shares.values()])),
        float(np.mean(held_out)),
        min(shares.values()),
        missed,
        stretches,
    )


def measure_sounds(seconds: float = SOUND_SECONDS) -> dict[str, float]:
    """Measure the share of "speech" in each sound, the highest of several levels and bands."""
    shares = {}
    for name, sound in sounds.make_sounds(seconds).items():
        versions = []
        for dbfs in SOUND_LEVELS:
            samples = sounds.set_level(sound, dbfs)
            versions += [samples, sounds.to_telephone(samples)]
        shares[name] = max(
            sum(end - start for start, end in detect(samples)) / (seconds * 1000)
            for samples in versions
        )
    return shares


def make_reader_dialogue(readers: Sequence[Recording]) -> Dialogue:
    """Make the labelled dialogue from the recordings of one reader."""
    return make_dialogue(
        {reader.name: reader.samples for reader in readers},
        {reader.name: reader.labels for reader in readers},
    )


def measure_interruptions(condition: str, dialogue: Dialogue, change: Change) -> Interruptions:
    """Compare the detected interruptions of the dialogue with those of its labels."""
    labelled = timeline.find_interruptions(dialogue.labels)
    detected = timeline.find_interruptions(
        {track: detect(change(samples)) for track, samples in dialogue.samples.items()}
    )
    return Interruptions(
        condition,
        len(labelled),
        sum(_is_in(interruption, detected) for interruption in labelled),
        sum(not _is_in(interruption, labelled) for interruption in detected),
    )


def _is_in(interruption: Interruption, others: Sequence[Interruption]) -> bool:
    return any(
        (other.interrupter, other.interrupted)
        == (interruption.interrupter, interruption.interrupted)
        and abs(other.at_ms - interruption.at_ms) <= _TOLERANCE_MS
        for other in others
    )
