"""Which app a command uses, and where its key is kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import keyring
import pytest
from callaudio.cli.profiles import (
    Profile,
    ProfileError,
    find_profile,
    local_file,
    read_profiles,
    remove_profile,
    save_profile,
)
from keyring.errors import NoKeyringError

from local.profile import profile_path, shared_profile
from tests.clients.python.callaudio.cli.conftest import MemoryKeyring

PROD = Profile("prod", "https://app.example", "the-key")
pytestmark = pytest.mark.usefixtures("secrets")


def test_the_running_local_system_is_used_without_any_setting() -> None:
    assert local_file() == profile_path()
    with shared_profile("http://127.0.0.1:7071", "local-key"):
        assert find_profile(None) == Profile("local", "http://127.0.0.1:7071", "local-key")
    with pytest.raises(ProfileError, match="Start a local one with `make up`"):
        find_profile(None)


def test_a_file_that_others_may_read_is_not_used() -> None:
    with shared_profile("http://127.0.0.1:7071", "local-key") as path:
        path.chmod(0o644)
        with pytest.raises(ProfileError, match="others may read"):
            find_profile("local")


def test_a_stored_profile_comes_before_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with shared_profile("http://127.0.0.1:7071", "local-key"):
        save_profile(PROD)
        assert find_profile(None) == PROD
        assert find_profile("local").key == "local-key"
        monkeypatch.setenv("CALLAUDIO_PROFILE", "local")
        assert find_profile(None).name == "local"


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile(PROD)
    monkeypatch.setenv("CALLAUDIO_KEY", "another-key")
    assert find_profile(None) == Profile("prod", PROD.url, "another-key")
    monkeypatch.setenv("CALLAUDIO_URL", "https://other.example")
    assert find_profile(None) == Profile("environment", "https://other.example", "another-key")
    assert find_profile("prod").url == PROD.url


def test_no_file_has_a_key_in_it(tmp_path: Path, secrets: MemoryKeyring) -> None:
    save_profile(PROD)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["profiles.json"]
    assert "the-key" not in files[0].read_text()
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert "the-key" not in repr(find_profile("prod"))


def test_a_profile_of_entra_id_has_no_key(secrets: MemoryKeyring) -> None:
    entra = Profile("entra", "https://app.example", None, "api://x/.default")
    save_profile(entra)
    assert find_profile("entra") == entra
    remove_profile("entra")
    assert read_profiles().profiles == {}


def test_a_key_that_the_keyring_lost_is_an_error(secrets: MemoryKeyring) -> None:
    save_profile(PROD)
    secrets.keys.clear()
    with pytest.raises(ProfileError, match="the keyring has no key of prod"):
        find_profile("prod")
    remove_profile("prod")
    with pytest.raises(ProfileError, match="no profile is called prod"):
        find_profile("prod")


def test_a_system_without_a_keyring_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str) -> None:
        raise NoKeyringError("no backend")

    monkeypatch.setattr(keyring, "set_password", fail)
    with pytest.raises(ProfileError, match="set CALLAUDIO_URL and CALLAUDIO_KEY"):
        save_profile(PROD)
    assert read_profiles().profiles == {}


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"default": None})])
def test_a_broken_file_is_an_error_that_names_it(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config" / "callaudio" / "profiles.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ProfileError, match=r"profiles\.json cannot be read"):
        read_profiles()
    local = profile_path()
    local.parent.mkdir(parents=True)
    local.write_text(content)
    local.chmod(0o600)
    with pytest.raises(ProfileError, match=r"local\.json cannot be read"):
        find_profile("local")
