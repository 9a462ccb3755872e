"""The streamer's image: what identifies it, and the options with which it is built."""

from __future__ import annotations

import pytest

from infra.image import CONTEXT, build_options, context_hash, image_name

from .dockerfile import Dockerfile


def test_tag_covers_everything_that_the_image_is_built_from() -> None:
    stages = Dockerfile.read().stages.values()
    copies = [s for steps in stages for s in steps if s.word == "COPY" and "from" not in s.options]
    sources = {part.split("/")[0] for step in copies for part in step.parts[:-1]}
    assert sources | {".dockerignore"} == set(CONTEXT)


def test_tag_identifies_the_content_and_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    first = context_hash()
    assert image_name() == f"streamer:{first}"
    assert context_hash() == first
    monkeypatch.setenv("BASE_IMAGE", "crcalls.azurecr.io/python:3.13-slim-trixie")
    assert context_hash() != first


def test_user_chooses_the_base_image_and_the_builder() -> None:
    plain = build_options({})
    assert plain[:2] == ["--file", "streamer/Dockerfile"]
    assert plain[2:] == ["--build-arg", f"REVISION={context_hash()}"]
    chosen = build_options({"BASE_IMAGE": "r.azurecr.io/python:3", "IMAGE_AGENT_POOL": "builders"})
    assert chosen[len(plain) :] == [
        "--build-arg",
        "BASE_IMAGE=r.azurecr.io/python:3",
        "--agent-pool",
        "builders",
    ]
