"""The file by which the command line finds the running system."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from local.profile import profile_path, shared_profile


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_only_the_user_may_read_it_while_the_system_runs(folder: Path) -> None:
    with shared_profile("http://127.0.0.1:7071", "a-key") as path:
        assert path == folder / "call-audio" / "local.json"
        assert json.loads(path.read_text()) == {"url": "http://127.0.0.1:7071", "key": "a-key"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


def test_the_file_of_a_system_that_was_killed_is_replaced() -> None:
    path = profile_path()
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    with shared_profile("http://127.0.0.1:7071", "a-key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_the_variable_it_is_in_the_user_s_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profile_path() == tmp_path / ".local" / "state" / "call-audio" / "local.json"
