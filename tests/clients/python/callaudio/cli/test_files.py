"""Fetching files and playing a recording."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from callaudio.cli.files import PLAYERS, find_player
from callaudio.cli.outcome import CommandError

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import example
from tests.clients.python.callaudio.servers import Pauses
from tests.clients.python.callaudio.test_downloads import Cut


def send(content: bytes) -> httpx.Response:
    return httpx.Response(200, stream=Cut(content, len(content)))


@pytest.fixture
def ended(cli: Program) -> Program:
    cli.show(state="disconnected", result_state="final")
    cli.answers[f"GET /calls/{ID}/recording"] = lambda r: send(str(r.url.query).encode())
    cli.answers[f"GET /calls/{ID}/timeline"] = lambda _: send(b"{}")
    cli.answers[f"GET /calls/{ID}/export"] = lambda _: send(b"PK")
    cli.answers[f"GET /calls/{ID}/transcript.vtt"] = lambda _: send(b"WEBVTT")
    return cli


def transcript(state: str) -> httpx.Response:
    document = example("Transcript") | {"state": state}
    return httpx.Response(200, json=document)


def test_files_are_fetched_into_a_folder_once(ended: Program, tmp_path: Path) -> None:
    ended.answers[f"GET /calls/{ID}/transcript"] = lambda _: transcript("complete")
    what = ["recording", "timeline", "export", "transcript", "--transcript-format", "vtt"]
    folder = tmp_path / "new" / "folder"
    shown = ended.run("fetch", "last", *what, "-o", str(folder))
    assert shown.exit_code == 0, shown.output
    names = [f"{ID}.wav", f"{ID}-timeline.json", f"{ID}.zip", f"{ID}-transcript.vtt"]
    assert shown.stdout.splitlines() == [str(folder / name) for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    document = ended.documents("fetch", "last", "-o", str(folder))[0]
    path = folder / f"{ID}.wav"
    assert document == {"file": str(path), "bytes": path.stat().st_size, "is_new": False}
    assert ended.documents("fetch", "last", "-o", str(folder), "--overwrite")[0]["is_new"]


def test_a_converted_recording_has_a_name_of_its_own(ended: Program, tmp_path: Path) -> None:
    ended.run("fetch", ID, "-f", "mp3", "--mix", "mono", "-o", str(tmp_path))
    path = tmp_path / f"{ID}-mono.mp3"
    assert "format=mp3&mix=mono" in path.read_text()


def test_a_pending_transcript_is_waited_for(
    ended: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("callaudio.cli.watching.time.sleep", pauses.append)
    states = iter(["pending", "pending", "complete"])
    ended.answers[f"GET /calls/{ID}/transcript"] = lambda _: transcript(next(states))
    options = ["transcript", "--transcript-format", "vtt", "-o", str(tmp_path)]
    assert ended.run("fetch", ID, *options).exit_code == 0
    assert len(pauses) == 2


def test_a_call_without_a_result_has_nothing_to_fetch(cli: Program, tmp_path: Path) -> None:
    cli.show(state="failed", result_state="none", result_reason="nobody answered")
    shown = cli.run("fetch", ID, "-o", str(tmp_path))
    assert shown.exit_code == 6
    assert "nobody answered" in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_is_being_made_is_waited_for(
    ended: Program, tmp_path: Path, pauses: Pauses
) -> None:
    answers = iter([httpx.Response(202, json={}, headers={"Retry-After": "2"}), send(b"PK")])
    ended.answers[f"GET /calls/{ID}/export"] = lambda _: next(answers)
    assert ended.run("fetch", ID, "export", "-o", str(tmp_path)).exit_code == 0
    assert pauses == [2.0]


def player(folder: Path, name: str, exit_code: int = 0) -> None:
    """A program that plays a file: it writes its arguments down."""
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" > "{folder}/played"\nexit {exit_code}\n')
    program.chmod(0o755)


def test_the_recording_is_played_by_what_is_there(
    ended: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    shown = ended.run("play", ID)
    assert shown.exit_code == 1
    assert "no audio player here: install mpv" in shown.stderr
    player(tmp_path, "aplay")
    assert ended.run("play", ID).exit_code == 0
    played = (tmp_path / "played").read_text().split()
    assert played[0] == "-q"
    assert played[1].endswith(f"/{ID}.wav")
    assert not Path(played[1]).exists(), "the file is removed in the end"
    assert "mix=mono" in str(ended.requests[-1].url)


def test_the_user_s_own_player_comes_first(
    ended: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    player(tmp_path, "mpv")
    player(tmp_path, "mine", exit_code=3)
    monkeypatch.setenv("CALLAUDIO_PLAYER", "mine --loud")
    assert find_player() == ["mine", "--loud"]
    shown = ended.run("play", ID)
    assert (shown.exit_code, "mine ended with the exit code 3" in shown.stderr) == (1, True)
    monkeypatch.delenv("CALLAUDIO_PLAYER")
    assert find_player() == PLAYERS[0].split()


def test_without_a_player_nothing_is_downloaded(
    ended: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError):
        find_player()
    ended.run("play", ID)
    assert ended.requests == []
