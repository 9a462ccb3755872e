"""Generates the conversation: two espeak-ng voices, with pauses and an overlap.

Needs ``espeak-ng`` and ``sox`` (both in Debian). Every utterance is trimmed to its audible part, to
make the spans in ``truth.json`` exact. Between utterances there is digital silence, except for one
span of faint noise on the caller's side.

    python -m local.conversation.make_conversation
"""

from __future__ import annotations

import io
import json
import subprocess
import wave
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
LENGTH_MS = 36_000
RATES = (16_000, 24_000)
PEAK = 12_000
NOISE_MS = (16_500, 18_500)
NOISE_RMS = 20

VOICES = {"agent": ("en-us+f3", 165), "caller": ("en-gb+m3", 155)}

# Speaker, start in milliseconds, text. The caller interrupts the agent.
SCRIPT = (
    ("agent", 600, "Good morning, Contoso support, how can I help you today?"),
    ("caller", 4_600, "Hello. My internet connection stops working every evening."),
    ("agent", 8_900, "I am sorry to hear that. Since when has this been happening?"),
    ("caller", 13_000, "It started on Monday, right after the storm."),
    ("agent", 18_800, "Thank you. I will run a test on your line now. Please stay with me."),
    ("agent", 24_000, "The test shows a loose contact at the street cabinet near you."),
    ("caller", 25_600, "A loose contact? Can you repair it?"),
    ("agent", 29_200, "Yes. A technician will repair it tomorrow before noon."),
    ("caller", 33_200, "Wonderful, thank you. Goodbye."),
)


def speak(voice: str, speed: int, text: str) -> np.ndarray:
    """Synthesise an utterance: 48 kHz, trimmed to its audible part, normalised to ``PEAK``."""
    speech = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text],
        check=True,
        capture_output=True,
    ).stdout
    resampled = subprocess.run(
        [
            "sox",
            "-D",
            "-t",
            "wav",
            "-",
            "-t",
            "raw",
            "-e",
            "signed",
            "-b",
            "16",
            "-r",
            "48000",
            "-",
        ],
        input=speech,
        check=True,
        capture_output=True,
    ).stdout
    samples = np.frombuffer(resampled, dtype="<i2").astype(np.float64)
    samples *= PEAK / np.max(np.abs(samples))
    audible = np.flatnonzero(np.abs(samples) > PEAK * 0.02)
    return samples[audible[0] : audible[-1] + 1]


def write(name: str, voice: np.ndarray, rate: int) -> None:
    """Write one side of the conversation, at one sample rate."""
    raw = np.clip(voice, -32_768, 32_767).astype("<i2").tobytes()
    shape = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1"]
    resampled = subprocess.run(
        ["sox", "-D", *shape, "-r", "48000", "-", *shape, "-r", str(rate), "-"],
        input=raw,
        check=True,
        capture_output=True,
    ).stdout
    size = LENGTH_MS * rate // 1000 * 2
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(resampled[:size].ljust(size, b"\0"))
    (FOLDER / f"{name}.{rate}.wav").write_bytes(buffer.getvalue())


def _overlaps(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in which both speak."""
    intersections = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return [(start, end) for start, end in intersections if start < end]


def main() -> None:
    """Generate all files."""
    tracks = {name: np.zeros(LENGTH_MS * 48) for name in VOICES}
    utterances = []
    spans: dict[str, list[tuple[int, int]]] = {name: [] for name in VOICES}
    for name, start_ms, text in SCRIPT:
        samples = speak(*VOICES[name], text)
        begin = start_ms * 48
        assert not tracks[name][begin : begin + len(samples)].any(), (
            f"{text!r} overlaps the one before"
        )
        tracks[name][begin : begin + len(samples)] = samples
        end_ms = start_ms + len(samples) // 48
        spans[name].append((start_ms, end_ms))
        utterances.append({"who": name, "start_ms": start_ms, "end_ms": end_ms, "text": text})
    begin, end = (at * 48 for at in NOISE_MS)
    noise = np.random.default_rng(1).normal(0, NOISE_RMS, end - begin)
    tracks["caller"][begin:end] += noise
    for name, voice in tracks.items():
        for rate in RATES:
            write(name, voice, rate)
    overlaps = _overlaps(spans["agent"], spans["caller"])
    truth = {
        "length_ms": LENGTH_MS,
        "utterances": utterances,
        "overlaps_ms": overlaps,
        "noise_ms": {"caller": list(NOISE_MS)},
    }
    (FOLDER / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
