"""The streamer's revisions: which one gets traffic, and which ones are retired."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from .cloud import DEPLOYED, NEW_REVISION, OLD_REVISION, Cloud, serve


def test_new_image_gets_traffic_only_once_it_is_ready(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED)
    completed = cloud.deploy("--yes")
    assert completed.returncode == 0, completed.stderr
    commands = cloud.commands
    steps = [
        "az acr build",
        "az deployment group create streamer",
        "az containerapp revision show",
        "az containerapp ingress traffic set",
        "az containerapp revision deactivate",
    ]
    assert [line for line in commands if line in steps] == steps
    new = cloud.state["revisions"][-1]["name"]
    assert cloud.state["live"] == new
    assert [r["active"] for r in cloud.state["revisions"]] == [False, True]
    assert cloud.find_command("az containerapp revision deactivate")[-2] != new


def test_revision_that_does_not_answer_gets_no_traffic(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED, fqdn="127.0.0.1:9")
    completed = cloud.deploy("image", "streamer")
    assert completed.returncode == 1
    assert "stopped at step 'streamer'" in completed.stderr
    assert "az containerapp logs show" in completed.stderr
    assert cloud.state["live"] == OLD_REVISION["name"]
    completed = cloud.deploy("retire")
    assert completed.returncode == 0
    assert "does not answer and stays active" in completed.stdout
    assert cloud.state["revisions"][-1]["active"], "it may have calls"


class TwelveReplicas(BaseHTTPRequestHandler):
    """A revision's ingress: twelve replicas in turn, the last of which has a call."""

    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        body = json.dumps({"streams": 0 if self.requests % 12 else 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def twelve_replicas() -> Iterator[str]:
    """The address of the twelve replicas."""
    yield from serve(TwelveReplicas)


def test_call_on_one_of_many_replicas_is_detected(cloud: Cloud, twelve_replicas: str) -> None:
    changes = {
        "revisions": [OLD_REVISION, NEW_REVISION],
        "live": NEW_REVISION["name"],
        "replicas": 12,
        "fqdn": twelve_replicas,
    }
    cloud.set(**DEPLOYED | changes)
    completed = cloud.deploy("retire")
    assert completed.returncode == 0, completed.stderr
    message = "ca-streamer--old has at least 1 open streams and stays active"
    assert message in completed.stdout
    assert cloud.state["revisions"][0]["active"]


def test_revision_with_a_share_of_the_traffic_is_not_retired(cloud: Cloud) -> None:
    split = {OLD_REVISION["name"]: 40, NEW_REVISION["name"]: 60}
    cloud.set(**DEPLOYED | {"revisions": [OLD_REVISION, NEW_REVISION]}, split=split)
    completed = cloud.deploy("retire")
    assert completed.returncode == 0, completed.stderr
    assert [r["active"] for r in cloud.state["revisions"]] == [True, True]
