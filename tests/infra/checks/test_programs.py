"""Another version, a program that does not run, a key that is refused: each is found."""

from __future__ import annotations

from typing import Any

import pytest

from calls.http.acs_health import AcsHealth
from infra.checks.programs import _entrance_remedy, read_function_names
from tests.infra.cloud import ACS_HEALTH
from tests.infra.conftest import Examine
from tests.infra.healthy import APP, STREAMER, answers, name_of, settings, shown

LIST = "az functionapp function list"
KEYS = "az functionapp keys list functionKeys"
REVISIONS = "az containerapp revision list"


def test_names_of_functions_are_those_of_the_app(triggers: dict[str, Any]) -> None:
    assert read_function_names() == triggers.keys()


def test_stopped_app_is_found(examine: Examine, answering_server: str) -> None:
    app = answers(answering_server)[shown(APP)]
    app["properties"]["state"] = "Stopped"
    ((level, text, remedy),) = examine({shown(APP): app})["code"]
    assert (level, text) == ("error", "The function app is Stopped.")
    assert remedy.startswith("Run: az functionapp start")


def test_app_without_functions_is_found(examine: Examine) -> None:
    ((level, text, remedy),) = examine({LIST: []})["code"]
    assert level == "error"
    assert "has no functions" in text
    assert "infra/deploy publish" in remedy


def test_other_version_of_the_app_is_found(examine: Examine) -> None:
    names = sorted(read_function_names() - {"place_call"} | {"dial"})
    ((level, text, _),) = examine({LIST: [f"app/{name}" for name in names]})["code"]
    assert level == "warning"
    assert text.endswith("they differ in dial, place_call.")


def test_other_version_of_the_streamer_is_found(examine: Examine, answering_server: str) -> None:
    streamer = answers(answering_server)[shown(STREAMER)]
    streamer["properties"]["template"]["containers"][0]["image"] = "r.azurecr.io/streamer:old"
    level, text, _ = examine({shown(STREAMER): streamer})["streamer"][0]
    assert level == "warning"
    assert text.startswith("The streamer is of another version: streamer:old instead of streamer:")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"runningState": "Degraded", "runningStateDetails": "1/1 Pending"}, "is Degraded: 1/1"),
        ({"runningState": "ActivationFailed", "provisioningError": "pull"}, "Failed: pull"),
        ({"replicas": 0, "runningState": "ScaledToZero"}, "has no replica"),
    ],
)
def test_revision_that_does_not_run_is_found(
    examine: Examine, answering_server: str, changes: dict[str, Any], text: str
) -> None:
    (revision,) = answers(answering_server)[REVISIONS]
    idle = {"name": "ca-streamer--0", "properties": {"active": True, "runningState": "Failed"}}
    revision["properties"] |= changes
    *_, (level, found, _) = examine({REVISIONS: [idle, revision]})["streamer"]
    assert level == "error"
    assert text in found


def test_key_that_is_refused_is_found(examine: Examine, answering_server: str) -> None:
    """As in the minute after a start, before the host has loaded its keys."""
    findings = examine({KEYS: {"Admin": "not-loaded-yet"}})["entrances"]
    faults = [entry for entry in findings if entry[0] != "ok"]
    ((level, text, remedy),) = faults
    assert level == "error"
    assert "the app lists calls, with its identity" in text
    assert "answered 401 instead of 200" in text
    assert remedy.startswith("The key is refused.")


def test_addresses_that_do_not_answer_are_found(examine: Examine, answering_server: str) -> None:
    app = answers(answering_server)[shown(APP)]
    app["properties"]["defaultHostName"] = "127.0.0.1:9"
    findings = examine({shown(APP): app})["entrances"]
    assert [level for level, _, _ in findings] == ["error"] * 4 + ["ok"] * 2
    assert findings[0][2].startswith("Nothing answers")


@pytest.mark.parametrize(
    ("keys", "state"), [({"Admin": "new"}, "was replaced"), ({"default": "x"}, "was deleted")]
)
def test_key_that_the_app_does_not_know_is_found(
    examine: Examine, keys: dict[str, str], state: str
) -> None:
    ((level, text, remedy),) = examine({KEYS: keys})["keys"]
    assert level == "error"
    assert text.startswith(f"The function key Admin {state}")
    assert remedy == "Run: infra/deploy keys"


def test_keys_are_not_compared_where_users_sign_in(examine: Examine, answering_server: str) -> None:
    values = settings(answering_server) | {"AUTHENTICATION": "entra"}
    listed = [{"name": name, "value": value} for name, value in values.items()]
    command = f"az functionapp config appsettings list {name_of(APP)}"
    ((level, text, _),) = examine({command: listed, KEYS: {}})["keys"]
    assert (level, text.partition(":")[0]) == ("ok", "function keys open nothing")


@pytest.mark.parametrize(
    ("changes", "text", "remedy"),
    [
        (
            {"require_is_safe": True, "setting": "ACS_TOKEN_CHECK=require"},
            "ACS's tokens are as documented, but not required to be.",
            "Run: ACS_TOKEN_CHECK=require infra/deploy",
        ),
        (
            {"require_is_safe": False, "advice": ["No call was made.", "Place one."]},
            "ACS's tokens are not required to be as documented.",
            "No call was made. Place one.",
        ),
    ],
)
def test_tokens_that_are_not_required_are_found(
    examine: Examine,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    text: str,
    remedy: str,
) -> None:
    for name, value in ({"check": "learn"} | changes).items():
        monkeypatch.setitem(ACS_HEALTH, name, value)
    assert examine()["acs-tokens"] == [("warning", text, remedy)]


def test_health_of_acs_is_read_as_the_app_describes_it() -> None:
    assert set(ACS_HEALTH) <= set(AcsHealth.__struct_fields__)


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        ("GET x answered 401 instead of 200.", "The key is refused."),
        ("GET x answered 500 instead of 200.", "The program runs and fails."),
        ("GET x failed: TimeoutError: timed out", "Nothing answers"),
        ("POST x answered 201 instead of 401.", "It lets in whom it should refuse"),
    ],
)
def test_each_failure_of_an_address_has_its_remedy(failure: str, remedy: str) -> None:
    assert _entrance_remedy(failure).startswith(remedy)
