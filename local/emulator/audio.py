"""The audio of a call, in ticks of 20 ms: whole files, then silence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from acs.media import FRAME_MILLISECONDS
from local.emulator import audio_files

CONVERSATION = Path(__file__).parents[1] / "conversation"


class CallAudio:
    """The audio of each participant, at one sample rate.

    Args:
        voices: 16-bit mono PCM by participant.
        sample_rate: Samples per second.
    """

    def __init__(self, voices: dict[str, bytes], sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.frame_bytes = sample_rate * FRAME_MILLISECONDS // 1000 * 2
        self.voices = voices
        self._prompts: list[tuple[int, bytes]] = []
        self.ticks = max(-(-len(pcm) // self.frame_bytes) for pcm in voices.values())

    @property
    def seconds(self) -> float:
        """The length of the longest file."""
        return self.ticks * FRAME_MILLISECONDS / 1000

    def frame(self, participant: str, tick: int) -> bytes:
        """One participant's frame of ``frame_bytes``, padded with silence after the file's end."""
        begin = tick * self.frame_bytes
        pcm = self.voices[participant][begin : begin + self.frame_bytes]
        return pcm.ljust(self.frame_bytes, b"\0")

    def add_prompt(self, first_tick: int, pcm: bytes) -> None:
        """Add what the app plays to all participants, from a tick on."""
        self._prompts.append((first_tick, pcm))

    def mixed(self, tick: int) -> bytes:
        """All participants and prompts in one frame: their sum, limited to 16 bits."""
        parts = [self.frame(name, tick) for name in self.voices]
        for first_tick, pcm in self._prompts:
            if tick >= first_tick:
                begin = (tick - first_tick) * self.frame_bytes
                parts.append(pcm[begin : begin + self.frame_bytes].ljust(self.frame_bytes, b"\0"))
        frames = [np.frombuffer(part, dtype="<i2") for part in parts]
        total = np.sum(np.stack(frames).astype(np.int32), axis=0)
        mixed: bytes = np.clip(total, -32_768, 32_767).astype("<i2").tobytes()
        return mixed


def load(participants: Sequence[str], files: Sequence[Path], sample_rate: int) -> CallAudio:
    """Load an audio file for each participant, in order; one without a file is silent.

    Raises AudioFileError.
    """
    voices = {}
    for participant, file in zip_longest(participants, files[: len(participants)]):
        voices[participant] = audio_files.read(file, sample_rate) if file else b""
    return CallAudio(voices, sample_rate)


def conversation_files(sample_rate: int) -> list[Path]:
    """The conversation in ``local/conversation``: the agent calls, the caller answers."""
    return [CONVERSATION / f"{name}.{sample_rate}.wav" for name in ("agent", "caller")]
