"""The commands of python -m local: audio files are checked first, and passed on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from local import __main__ as command_line
from local.emulator import __main__ as emulator
from local.up import Up

VOICE = Path(__file__).parents[2] / "local" / "conversation" / "agent.16000.wav"


@pytest.mark.parametrize("command", ["up", "demo"])
def test_audio_that_cannot_be_played_is_an_error_before_anything_starts(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["local", command, "--audio", str(VOICE), "missing.wav"])
    assert command_line.main() == 1
    assert capsys.readouterr().err == (
        f"local {command}: audio file missing.wav cannot be read: No such file or directory\n"
    )


def test_the_emulator_says_so_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["emulator", "--audio", __file__, "--port", "0"])
    assert emulator.main() == 1
    assert "is not an audio file that libsndfile can read" in capsys.readouterr().err


async def test_up_tells_the_emulator_what_to_play(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[list[str]] = []

    async def launch(self: Up, name: str, arguments: list[str], *_: Any) -> None:
        launched.append(arguments)

    monkeypatch.setattr(Up, "_launch", launch)
    relative = Path(os.path.relpath(VOICE))
    up = Up(audio=[relative, VOICE], hang_up_at_end=True)
    await up._launch_emulator(fake_addresses(), 8090, "key")
    options = emulator.create_parser().parse_args(launched[0][2:])
    assert [path.resolve() for path in options.audio] == [VOICE.resolve()] * 2
    assert all(path.is_absolute() for path in options.audio)
    assert options.hang_up_at_end
    await Up()._launch_emulator(fake_addresses(), 8090, "key")
    options = emulator.create_parser().parse_args(launched[1][2:])
    assert (options.audio, options.hang_up_at_end) == ([], False)


def fake_addresses() -> Any:
    class Addresses:
        app = acs_endpoint = "http://127.0.0.1:9"
        acs_key = ""

    return Addresses()
