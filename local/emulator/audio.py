"""The audio of a call, tick by tick of 20 ms: whole files, then silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acs.media import FRAME_MILLISECONDS
from contract import wav

CONVERSATION = Path(__file__).parents[1] / "conversation"


class CallAudio:
    """What each participant says, at one sample rate."""

    def __init__(self, voices: dict[str, bytes], sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.frame_bytes = sample_rate * FRAME_MILLISECONDS // 1000 * 2
        self.voices = voices
        self.ticks = max(-(-len(pcm) // self.frame_bytes) for pcm in voices.values())

    def frame(self, participant: str, tick: int) -> bytes:
        """One participant's frame; the last one of a file is filled up with silence."""
        begin = tick * self.frame_bytes
        pcm = self.voices[participant][begin : begin + self.frame_bytes]
        return pcm.ljust(self.frame_bytes, b"\0")

    def mixed(self, tick: int) -> bytes:
        """All participants in one frame: their sum, limited to 16 bits."""
        frames = [np.frombuffer(self.frame(name, tick), dtype="<i2") for name in self.voices]
        total = np.sum(np.stack(frames).astype(np.int32), axis=0)
        mixed: bytes = np.clip(total, -32_768, 32_767).astype("<i2").tobytes()
        return mixed


def load(participants: list[str], files: list[Path], sample_rate: int) -> CallAudio:
    """The audio of ``participants`` from a file each. Raises ValueError, OSError, MalformedWav."""
    voices = {}
    for participant, file in zip(participants, files, strict=False):
        content = file.read_bytes()
        found = wav.parse(content)
        if (found.sample_rate, found.channels) != (sample_rate, 1):
            raise ValueError(f"{file.name} is not of one channel at {sample_rate} Hz")
        voices[participant] = wav.samples(content)
    return CallAudio(voices, sample_rate)


def conversation(participants: list[str], sample_rate: int) -> CallAudio:
    """The conversation that this repository holds: the agent calls, the caller answers."""
    files = [CONVERSATION / f"{name}.{sample_rate}.wav" for name in ("agent", "caller")]
    return load(participants, files, sample_rate)
