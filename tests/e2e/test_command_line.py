"""A tour of the command line over the running system: place, pause, hear, find, fetch, delete."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
import zipfile
from pathlib import Path
from typing import Any

import callaudio
import pytest
from callaudio.cli.program import app
from typer.testing import CliRunner, Result

from local.profile import shared_profile
from local.up import Up

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAYER = """#!/bin/sh
cp "$1" "{folder}/played.wav"
"""


class Terminal:
    """A user's terminal, with folders of its own; the local system is found as ``make up`` is.

    The program runs in this process, because each start of Python costs a part of a second. The
    first command has a process of its own.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        for name in [name for name in os.environ if name.startswith("CALLAUDIO")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.setenv("CALLAUDIO_PLAYER", str(folder / "player"))

    async def run(self, *arguments: str, expected: int = 0) -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert result.exit_code == expected, (arguments, result.output, result.exception)
        return result

    async def json(self, *arguments: str) -> Any:
        """The last document that a command prints."""
        return json.loads((await self.run(*arguments, "--json")).stdout.splitlines()[-1])

    async def start(self, *arguments: str) -> str:
        """What the program prints in a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callaudio", *arguments),
            env=os.environ | {"PYTHONPATH": str(Path(callaudio.__file__).parents[1])},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0
        return out.decode()


async def _streams(terminal: Terminal, call: str, state: str) -> None:
    for _ in range(900):
        if (await terminal.json("show", call))["streaming"]["state"] == state:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"the streaming is never {state}")


async def test_the_whole_tour(up: Up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(tmp_path, monkeypatch)
    assert "make up" in (await terminal.run("list", expected=3)).stderr
    with shared_profile(up.addresses.app, up.addresses.function_key):
        await _tour(terminal)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(up.addresses.function_key.encode() in content for content in written)


async def _tour(terminal: Terminal) -> None:
    folder = terminal.folder
    assert "failed  " not in await terminal.start("doctor")
    await terminal.run("deliveries")
    options = ["--from", "+15559990000", "--name", "+15551230000=Robin Ray", "--tag", "demo"]
    placed = await terminal.json("place", "+15551230000", "--channels", "unmixed", *options)
    call = placed["call_connection_id"]
    short = call[:8]
    await _streams(terminal, call, "active")
    await terminal.run("pause", short, "--reason", "card payment")
    await _streams(terminal, call, "inactive")
    assert (await terminal.run("resume", call)).stdout.startswith("resuming")
    await _streams(terminal, call, "active")
    await terminal.run("hangup", call)
    assert (await terminal.json("watch", call))["result_state"] == "final"

    shown = (await terminal.run("show", call)).stdout
    for text in ("Robin Ray (+15551230000)", "card payment", "lost audio  none", "demo"):
        assert text in shown
    # By name: a number would be in the access log that these tests switch on.
    filters = ["--participant", "Robin Ray", "--since", "1h", "--state", "disconnected"]
    assert short in (await terminal.run("list", *filters, "--tag", "demo", "--all")).stdout
    assert short not in (await terminal.run("list", *filters, "--until", "1h", "--all")).stdout
    assert (await terminal.run("tag", call, "vip", "--remove", "demo")).stdout == "vip\n"
    assert (await terminal.run("note", call, "Called back.")).stdout == "Called back.\n"

    what = ["recording", "timeline", "export"]
    into = ["-o", str(folder / "files")]
    files = (await terminal.run("fetch", call, *what, *into)).stdout.splitlines()
    assert [Path(name).suffix for name in files] == [".wav", ".json", ".zip"]
    recording = Path(files[0]).read_bytes()
    timeline = json.loads(Path(files[1]).read_text())
    assert timeline["call_connection_id"] == call
    with zipfile.ZipFile(files[2]) as archive:
        assert archive.testzip() is None
        assert any(archive.read(name) == recording for name in archive.namelist())
    assert (await terminal.json("fetch", call, *into))["is_new"] is False

    player = folder / "player"
    player.write_text(PLAYER.format(folder=folder))
    player.chmod(0o755)
    await terminal.run("play", call)
    with wave.open(str(folder / "played.wav")) as played:
        assert (played.getnchannels(), played.getframerate()) == (1, 16_000)
        assert played.getnframes() > 0

    assert "call_ended" in (await terminal.run("pause", call, expected=6)).stderr
    assert "use --yes" in (await terminal.run("delete", call, expected=2)).stderr
    assert (await terminal.json("delete", call, "--yes"))["state"] == "completed"
    assert "call_deleted" in (await terminal.run("show", call, expected=3)).stderr
