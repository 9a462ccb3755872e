"""The smoke test finds a system that is open to everyone."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.shell import Completed
from tests.streamer.conftest import StreamerProcess

from .cloud import PROVISIONED, Cloud

# A streamer is started.
pytestmark = pytest.mark.timeout(400)


def test_streamer_without_checks_fails_the_smoke_test(
    cloud: Cloud, storage: str, tmp_path: Path
) -> None:
    """With its checks off, a streamer lets everyone in."""
    completed = run_smoke_test(cloud, storage, tmp_path)
    assert completed.returncode == 1
    assert "the streamer is ready, with its identity: yes" in completed.stdout
    assert "/media/smoke-test answered 101 instead of 401" in completed.stderr


def test_streamer_that_learns_passes_the_smoke_test(
    cloud: Cloud, storage: str, tmp_path: Path
) -> None:
    """As after a first deployment: the stream token alone keeps strangers out."""
    completed = run_smoke_test(
        cloud,
        storage,
        tmp_path,
        TOKEN_CHECK="learn",
        GRANT_CHECK="require",
        ACS_TOKEN_AUDIENCE="resource",
    )
    assert completed.returncode == 0, completed.stderr
    assert "an unsigned handshake is refused: yes" in completed.stdout


def run_smoke_test(cloud: Cloud, storage: str, tmp_path: Path, **settings: str) -> Completed:
    """Run the smoke test against a streamer with these settings."""
    streamer = StreamerProcess(storage, tmp_path / "spool", settings).start()
    try:
        outputs = cloud.state["outputs"] | {"STREAMER_URL": f"ws://127.0.0.1:{streamer.port}"}
        cloud.set(**PROVISIONED, published=True, outputs=outputs)
        return cloud.deploy("smoke")
    finally:
        streamer.end()
