"""The tag of the streamer's image."""

from __future__ import annotations

from infra.image import CONTEXT

from .dockerfile import Dockerfile


def test_tag_covers_everything_that_the_image_is_built_from() -> None:
    stages = Dockerfile.read().stages.values()
    copies = [s for steps in stages for s in steps if s.word == "COPY" and "from" not in s.options]
    sources = {part.split("/")[0] for step in copies for part in step.parts[:-1]}
    assert sources | {".dockerignore"} == set(CONTEXT)
