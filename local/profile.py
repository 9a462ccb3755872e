"""The address and key of the running system, for ``callaudio``, whose profile ``local`` it is.

Only ``python -m local up`` on its usual ports writes it: of such systems, there can be only one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def profile_path() -> Path:
    """Return the file's path; ``callaudio.cli.profiles`` reads it."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "call-audio" / "local.json"


@contextmanager
def shared_profile(url: str, key: str) -> Iterator[Path]:
    """Write the file, which only its user may read, and remove it in the end."""
    path = profile_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileNotFoundError):
        # A system that was killed left it.
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"url": url, "key": key}, file)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
