"""The smoke test finds a system that is open to everyone."""

from __future__ import annotations

from pathlib import Path

import pytest

from calls.http.principals import ROUTES
from infra.shell import Completed
from infra.smoke_test import READERS
from tests.streamer.conftest import StreamerProcess

from . import cloud as cloud_module
from .cloud import KEY, PARAMETERS, PROVISIONED, Cloud

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


def test_roles_that_list_calls_are_those_of_the_app() -> None:
    assert sorted(READERS) == sorted(ROUTES["list_calls"].roles or ())
    assert sorted(ROUTES["show_acs_health"].roles or ()) == ["Admin", "Auditor"]


def test_key_of_the_weakest_role_is_used_once_keys_have_roles(cloud: Cloud) -> None:
    """The default key opens nothing then."""
    named = PROVISIONED["in_place"] | {"app": PARAMETERS | {"functionKeys": "Listener=0"}}
    cloud.set(**PROVISIONED | {"in_place": named}, published=True)
    completed = cloud.deploy("smoke")
    assert completed.returncode == 1
    assert "no function key of the name Listener or Caller or Auditor or Admin" in completed.stderr
    assert "Run: infra/deploy keys" in completed.stderr
    cloud.set(keys={"default": "opens-nothing", "Admin": "refused", "Listener": KEY})
    completed = cloud.deploy("smoke")
    assert completed.returncode == 0, completed.stderr
    assert "the app lists calls, with its identity: yes" in completed.stdout


def test_signed_in_user_s_token_is_used_instead_of_a_key(cloud: Cloud) -> None:
    signed_in = PARAMETERS | {"signInClientId": "client"}
    in_place = PROVISIONED["in_place"] | {"app": signed_in, "sign_in": signed_in}
    cloud.set(**PROVISIONED | {"in_place": in_place}, published=True)
    completed = cloud.deploy("smoke")
    assert completed.returncode == 0, completed.stderr
    assert "NOT checked: what needs a sign-in" in completed.stdout
    assert "AADSTS65001" in completed.stdout
    cloud.set(token="token-of-the-user")
    completed = cloud.deploy("smoke")
    assert completed.returncode == 1, "the stand-in's app knows no tokens"
    assert "the app lists calls, with its identity: not yet" in completed.stdout
    token = cloud.find_command("az account get-access-token")
    assert token[token.index("--scope") + 1] == "api://client/.default"


def test_keys_that_the_host_has_not_loaded_yet_are_tried_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a start, the first three requests with a valid key are answered 401."""
    monkeypatch.setattr(cloud_module, "refusals_left", 3)
    cloud.set(**PROVISIONED, published=True)
    completed = cloud.deploy("smoke")
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.count("with its identity: not yet") == 3
    assert cloud.state["seconds"] == 30
