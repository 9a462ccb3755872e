"""A deployed system's parts; a part that is missing is named."""

from __future__ import annotations

from unittest import mock

import pytest

import infra.shell
from infra.shell import Shell, StepFailed
from infra.system import FUNCTION_IDENTITY, System

from .cloud import DEPLOYED, Cloud
from .healthy import CALL_TOPIC, STORAGE_TOPIC, answers


@pytest.fixture
def system(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> System:
    """A healthy system."""
    cloud.set(**DEPLOYED | {"answers": answers("calls.example")})
    monkeypatch.setenv("PATH", str(cloud.bin))
    monkeypatch.setattr(infra.shell, "execute", cloud.execute)
    return System(Shell(""), "rg-calls")


def test_parts_are_found(system: System) -> None:
    assert system.app_url() == "https://calls.example"
    assert system.streamer_url() == "wss://calls.example"
    assert system.settings()["ANSWER_CALLS"] == "all"
    assert system.identity(FUNCTION_IDENTITY)["properties"]["clientId"] == "client-of-function"
    topics = [system.topic(source) for source in (system.storage(), system.communication())]
    assert [topic and topic["name"] for topic in topics] == [STORAGE_TOPIC, CALL_TOPIC]


def test_credentials_are_looked_up_once(system: System) -> None:
    with mock.patch.object(system.shell, "query_az", wraps=system.shell.query_az) as query:
        assert (
            system.credentials()
            == system.credentials()
            == {"x-functions-key": "the-key-of-default"}
        )
    assert sum(call.args[:2] == ("functionapp", "keys") for call in query.call_args_list) == 1


def test_missing_part_is_named(system: System, cloud: Cloud) -> None:
    cloud.set(answers=answers("calls.example") | {"az resource list": []})
    for find, name in [
        (system.app, "function app"),
        (system.settings, "function app"),
        (system.streamer, "streamer"),
        (system.storage, "storage account"),
        (system.communication, "ACS resource"),
    ]:
        with pytest.raises(StepFailed, match=f"The {name} does not exist") as failure:
            find()
        assert "infra/deploy" in failure.value.advice
