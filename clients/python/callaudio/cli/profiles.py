"""Profiles: an app's address, and how to sign in to it.

A profile's address is in a file; its key is in the system's keyring. The profile ``local`` is the
system that ``make up`` runs, which writes its address and key into a file that only its user may
read. ``CALLAUDIO_URL`` and ``CALLAUDIO_KEY`` come before any profile.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyring
from keyring.errors import KeyringError, PasswordDeleteError

LOCAL = "local"
SERVICE = "callaudio"

_FILE = "profiles.json"


class ProfileError(Exception):
    """Raised when it is not known which app to use, or its key is not to be had."""


@dataclass(frozen=True)
class Profile:
    """An app and how to sign in to it: by ``key``, or by a token for ``scope``."""

    name: str
    url: str
    key: str | None = field(default=None, repr=False)
    scope: str | None = None


def local_file() -> Path:
    """Return the file of the running local system; ``local/profile.py`` writes it."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "call-audio" / "local.json"


def find_profile(name: str | None) -> Profile:
    """Return the profile of a name, or the one to use if none is named. Raises ProfileError."""
    name = name or os.environ.get("CALLAUDIO_PROFILE")
    url, key = os.environ.get("CALLAUDIO_URL"), os.environ.get("CALLAUDIO_KEY")
    if name is None and url:
        return Profile("environment", url, key, os.environ.get("CALLAUDIO_SCOPE"))
    if name == LOCAL:
        return _local_profile()
    stored = read_profiles()
    name = name or stored.default
    if name is None:
        return _local_profile()
    if name not in stored.profiles:
        raise ProfileError(
            f"no profile is called {name}; `callaudio login {name} --url ...` adds it"
        )
    document = stored.profiles[name]
    if document.get("scope"):
        return Profile(name, document["url"], scope=document["scope"])
    return Profile(name, document["url"], key or _read_key(name))


@dataclass(frozen=True)
class Stored:
    """The file of profiles: each has a ``url``, and a ``scope`` if it signs in with Entra ID."""

    default: str | None
    profiles: dict[str, dict[str, Any]]


def read_profiles() -> Stored:
    """Return the stored profiles. Raises ProfileError."""
    path = _config_folder() / _FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Stored(document["default"], dict(document["profiles"]))
    except FileNotFoundError:
        return Stored(None, {})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProfileError(f"{path} cannot be read ({error}); mend or delete it") from error


def save_profile(profile: Profile) -> None:
    """Store a profile, its key in the keyring, and make it the default. Raises ProfileError."""
    if profile.key is not None:
        try:
            keyring.set_password(SERVICE, profile.name, profile.key)
        except KeyringError as error:
            raise ProfileError(
                f"this system has no keyring to store the key in ({error}); "
                "set CALLAUDIO_URL and CALLAUDIO_KEY instead"
            ) from error
    stored = read_profiles()
    document = {"url": profile.url} | ({"scope": profile.scope} if profile.scope else {})
    _write(profile.name, stored.profiles | {profile.name: document})


def remove_profile(name: str) -> None:
    """Forget a profile and its key. Raises ProfileError."""
    stored = read_profiles()
    if name not in stored.profiles:
        raise ProfileError(f"no profile is called {name}")
    profiles = {other: document for other, document in stored.profiles.items() if other != name}
    if not stored.profiles[name].get("scope"):
        try:
            keyring.delete_password(SERVICE, name)
        except PasswordDeleteError:
            pass
        except KeyringError as error:
            raise ProfileError(f"the keyring did not delete the key: {error}") from error
    _write(None if stored.default == name else stored.default, profiles)


def _local_profile() -> Profile:
    path = local_file()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ProfileError(f"others may read {path}; delete it, and start `make up` again")
        document = json.loads(path.read_text(encoding="utf-8"))
        return Profile(LOCAL, document["url"], document["key"])
    except FileNotFoundError as error:
        raise ProfileError(
            "which app? Start a local one with `make up`, add one with `callaudio login NAME "
            "--url ...`, or set CALLAUDIO_URL and CALLAUDIO_KEY"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProfileError(f"{path} cannot be read ({error}); start `make up` again") from error


def _read_key(name: str) -> str:
    try:
        key = keyring.get_password(SERVICE, name)
    except KeyringError as error:
        raise ProfileError(f"the keyring cannot be read ({error}); set CALLAUDIO_KEY") from error
    if key is None:
        raise ProfileError(f"the keyring has no key of {name}; `callaudio login {name}` stores it")
    return key


def _config_folder() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "callaudio"


def _write(default: str | None, profiles: dict[str, dict[str, Any]]) -> None:
    folder = _config_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / _FILE
    temporary = path.with_suffix(".tmp")
    with suppress(FileNotFoundError):
        temporary.unlink()
    document = {"default": default, "profiles": profiles}
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    temporary.replace(path)
