"""The sounds that a telephone carries beside speech, made by formulas: the same in each run.

Every sound is 16 kHz, float64, and has a peak near 1 before it is set to a level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

RATE = 16_000


def make_sounds(seconds: float) -> dict[str, np.ndarray]:
    """Make all sounds without speech, by their names."""
    count = round(seconds * RATE)
    return {
        "digital silence": np.zeros(count),
        "ringback 440 + 480 Hz": tone([440, 480], count, on=2, off=4),
        "ringback 425 Hz": tone([425], count, on=1, off=4),
        "dial tone 350 + 440 Hz": tone([350, 440], count),
        "dial tone 425 Hz": tone([425], count),
        "busy tone 480 + 620 Hz": tone([480, 620], count, on=0.5, off=0.5),
        "busy tone 425 Hz": tone([425], count, on=0.5, off=0.5),
        "DTMF, 100 ms": dtmf(count, 0.1),
        "DTMF, 250 ms": dtmf(count, 0.25),
        "hold music: band": music(count, ("pad", "piano", "lead"), 96, drums=True),
        "hold music: piano": music(count, ("piano",), 80),
        "hold music: strings": music(count, ("pad",), 60),
        "hold music: melody and piano": music(count, ("lead", "piano"), 120),
        "hold music: melody alone": music(count, ("lead",), 100),
        "hum": hum(count),
        "fan": fan(count),
        "white noise": white_noise(count),
        "pink noise": pink_noise(count),
    }


def set_level(samples: np.ndarray, dbfs: float) -> np.ndarray:
    """Scale samples to a level (of their mean square)."""
    level = np.sqrt(np.mean(samples**2))
    return samples * 10 ** (dbfs / 20) / level if level else samples


def to_pcm(samples: np.ndarray) -> bytes:
    """Round samples to 16 bit (s16le)."""
    pcm: bytes = np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
    return pcm


def tone(frequencies: Sequence[float], count: int, *, on: float = 0, off: float = 0) -> np.ndarray:
    """A sum of sines, ``on`` and ``off`` in turns (in seconds) if ``on`` is set."""
    time = np.arange(count) / RATE
    sines = [np.sin(2 * np.pi * frequency * time) for frequency in frequencies]
    samples: np.ndarray = np.mean(sines, axis=0)
    return samples * (time % (on + off) < on) if on else samples


def dtmf(count: int, seconds: float) -> np.ndarray:
    """Random digits, each as long as the pause after it."""
    random = np.random.default_rng(5)
    step = round(2 * seconds * RATE)
    samples = np.zeros(count)
    for start in range(0, count - step, step):
        pair = [
            float(random.choice([697, 770, 852, 941])),
            float(random.choice([1209, 1336, 1477, 1633])),
        ]
        samples[start : start + step // 2] = tone(pair, step // 2)
    return samples


def music(count: int, voices: Sequence[str], bpm: int, *, drums: bool = False) -> np.ndarray:
    """Four chords again and again, a random melody, drums."""
    random = np.random.default_rng(bpm)
    beat = 60 / bpm
    samples = np.zeros(count + round(5 * beat * RATE))
    root = 220 * 2 ** (random.integers(12) / 12)
    chords = [(0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)]

    def add(sound: np.ndarray, at: float, level: float) -> None:
        start = round(at * RATE)
        samples[start : start + len(sound)] += level * sound

    for bar, at in enumerate(np.arange(0, count / RATE, 4 * beat)):
        chord = [root * 2 ** (step / 12) for step in chords[bar % 4]]
        if "pad" in voices:
            for pitch in chord:
                add(_note(pitch, 4 * beat, "pad"), at, 0.15)
        if "piano" in voices:
            for half in range(8):
                add(_note(chord[half % 3], beat, "piano"), at + half * beat / 2, 0.25)
        for number in range(4):
            if "lead" in voices and random.random() < 0.8:
                pitch = 2 * root * 2 ** (random.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
                add(_note(pitch, beat * random.choice([0.5, 1]), "lead"), at + number * beat, 0.25)
            if drums:
                add(_drum(random, is_bass=number % 2 == 0), at + number * beat, 0.4)
                add(_drum(random, is_bass=False), at + (number + 0.5) * beat, 0.15)
    return samples[:count]


_OVERTONES = {
    "pad": (1, 0.5, 0.3, 0.2, 0.1),
    "lead": (1, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1),
    "piano": (1, 0.4, 0.2, 0.1),
}
_VIBRATO = {"pad": 0.003, "lead": 0.008, "piano": 0.0}


def _note(pitch: float, seconds: float, voice: str) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    vibrato = _VIBRATO[voice] * np.sin(2 * np.pi * 5.5 * time)
    phase = 2 * np.pi * pitch * np.cumsum(1 + vibrato) / RATE
    if voice == "piano":
        envelope = np.exp(-4 * time) * np.minimum(1, time / 0.005)
    else:
        envelope = np.minimum(1, np.minimum(time, seconds - time) / 0.06)
    overtones = enumerate(_OVERTONES[voice], 1)
    note: np.ndarray = envelope * sum(level * np.sin(k * phase) for k, level in overtones)
    return note


def _drum(random: np.random.Generator, *, is_bass: bool) -> np.ndarray:
    time = np.arange(round(0.12 * RATE)) / RATE
    if is_bass:
        bass: np.ndarray = np.sin(2 * np.pi * 60 * time) * np.exp(-30 * time)
        return bass
    snare: np.ndarray = random.normal(size=len(time)) * np.exp(-50 * time) / 2
    return snare


def hum(count: int) -> np.ndarray:
    """The mains: 50 Hz and its overtones."""
    levels = {1: 1.0, 2: 0.4, 3: 0.5, 5: 0.25, 7: 0.1}
    time = np.arange(count) / RATE
    samples: np.ndarray = sum(
        (level * np.sin(2 * np.pi * 50 * k * time + k) for k, level in levels.items()),
        start=np.zeros(count),
    )
    return samples / 2


def fan(count: int) -> np.ndarray:
    """Low noise that beats seven times a second, and the tone of the blades."""
    time = np.arange(count) / RATE
    low = _shape(np.random.default_rng(1).normal(size=count), lambda f: 1 / (1 + f / 250))
    blades = tone([110, 220, 330], count)
    beating: np.ndarray = set_level(low, -12) * (1 + 0.2 * np.sin(2 * np.pi * 7 * time))
    return beating + 0.1 * blades


def white_noise(count: int, seed: int = 1) -> np.ndarray:
    """Noise with the same power at every frequency."""
    return np.random.default_rng(seed).normal(size=count) / 4


def pink_noise(count: int, seed: int = 2) -> np.ndarray:
    """Noise with the same power in every octave above 20 Hz."""
    white = np.random.default_rng(seed).normal(size=count)
    return set_level(_shape(white, lambda f: 1 / np.sqrt(np.maximum(f, 20))), -12)


def add_noise(samples: np.ndarray, snr_db: float, level: float, seed: int = 2) -> np.ndarray:
    """Add pink noise that is ``snr_db`` below ``level`` (a mean square's root)."""
    noise = set_level(pink_noise(len(samples), seed), -snr_db)
    return samples + noise * level


def to_telephone(samples: np.ndarray) -> np.ndarray:
    """Send samples over a telephone line: 300 to 3,400 Hz, 8 kHz, 8 bit mu-law (G.711)."""
    band = _shape(
        samples,
        lambda f: 1 / np.sqrt((1 + (300 / np.maximum(f, 1)) ** 8) * (1 + (f / 3400) ** 16)),
    )
    narrow = np.clip(_resample(band, RATE // 2), -1, 1)
    quantized = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    expanded = np.sign(quantized) * np.expm1(np.abs(quantized) * np.log(256)) / 255
    return _resample(expanded, RATE)[: len(samples)]


def _shape(samples: np.ndarray, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Filter by a gain for each frequency in Hz."""
    spectrum = np.fft.rfft(samples)
    shaped: np.ndarray = np.fft.irfft(
        spectrum * gain(np.fft.rfftfreq(len(samples), 1 / RATE)), len(samples)
    )
    return shaped


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Resample between 8 and 16 kHz."""
    if rate < RATE:
        samples = samples[: len(samples) // 2 * 2]
        count = len(samples) // 2
    else:
        count = len(samples) * 2
    resampled: np.ndarray = np.fft.irfft(np.fft.rfft(samples), count) * (count / len(samples))
    return resampled
