"""The streamer's image: what it is built from, and the tag that identifies it."""

from __future__ import annotations

import hashlib

from infra.shell import ROOT

CONTEXT = ("configuration.py", "event_log.py", "acs", "contract", "streamer", ".dockerignore")
"""What ``streamer/Dockerfile`` copies, and ``.dockerignore``, which limits that."""


def image_name() -> str:
    """Return the image's name and tag."""
    return f"streamer:{context_hash()}"


def context_hash() -> str:
    """Return a hash of the build context, 12 hex digits. The same content is built only once."""
    digest = hashlib.sha256()
    for name in CONTEXT:
        top = ROOT / name
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
