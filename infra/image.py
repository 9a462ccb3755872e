"""The streamer's image: what it is built from, and the tag that identifies it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from infra.shell import ROOT

CONTEXT = ("configuration.py", "event_log.py", "acs", "contract", "streamer", ".dockerignore")
"""What ``streamer/Dockerfile`` copies, and ``.dockerignore``, which limits that."""


def image_name() -> str:
    """Return the image's name and tag."""
    return f"streamer:{context_hash()}"


def build_options(environment: Mapping[str, str]) -> list[str]:
    """Return the options of ``az acr build``, from the variables that a user may set.

    ``BASE_IMAGE`` replaces Docker Hub's base image. ``IMAGE_AGENT_POOL`` names the agent pool that
    builds: a private registry is out of reach of ACR's own machines.
    """
    options = ["--file", "streamer/Dockerfile", "--build-arg", f"REVISION={context_hash()}"]
    if base_image := environment.get("BASE_IMAGE"):
        options += ["--build-arg", f"BASE_IMAGE={base_image}"]
    if agent_pool := environment.get("IMAGE_AGENT_POOL"):
        options += ["--agent-pool", agent_pool]
    return options


def context_hash() -> str:
    """Return a hash of what the image is built from, 12 hex digits.

    The same content on the same base image is built only once.
    """
    digest = hashlib.sha256(os.environ.get("BASE_IMAGE", "").encode())
    for name in CONTEXT:
        top = ROOT / name
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
