"""The smoke test finds a system that is open to everyone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.streamer.conftest import StreamerProcess

from .cloud import PROVISIONED, Cloud

# A streamer is started.
pytestmark = pytest.mark.timeout(400)


def test_streamer_without_checks_fails_the_smoke_test(
    cloud: Cloud, storage: str, tmp_path: Path
) -> None:
    """With its checks off, a streamer only asks for the call's id."""
    streamer = StreamerProcess(storage, tmp_path / "spool", {}).start()
    try:
        outputs = cloud.state["outputs"] | {"STREAMER_URL": f"ws://127.0.0.1:{streamer.port}"}
        cloud.set(**PROVISIONED, published=True, outputs=outputs)
        completed = cloud.deploy("smoke")
    finally:
        streamer.end()
    assert completed.returncode == 1
    assert "the streamer is ready, with its identity: yes" in completed.stdout
    assert "/media/smoke-test answered 400 instead of 401" in completed.stderr
