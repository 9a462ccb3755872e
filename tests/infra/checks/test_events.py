"""A subscription that is missing or wrong, and an event that was not delivered, are found."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.checks.events import BLOB_SUBSCRIPTIONS, CALL_SUBSCRIPTION
from infra.shell import ROOT
from tests.infra.conftest import Examine
from tests.infra.healthy import (
    BLOB_KEY,
    CALL_TOPIC,
    METRICS,
    STORAGE_TOPIC,
    TOPIC,
    WEBHOOK,
    id_of,
    list_resources,
    metrics,
    webhook,
)

PROVISIONED = {"provisioningState": "Succeeded"}


def test_names_are_those_of_the_template() -> None:
    text = (ROOT / "infra" / "subscriptions.bicep").read_text()
    assert dict(re.findall(r"name: '(\w+)'\n    function: '(\w+)'", text)) == BLOB_SUBSCRIPTIONS
    assert f"name: '{CALL_SUBSCRIPTION}'" in text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {f"{WEBHOOK} list {STORAGE_TOPIC}": [{"name": "manifests"} | PROVISIONED]},
            "Missing: the subscription segments; analyse_segment does not run.",
        ),
        (
            {
                f"{WEBHOOK} list {STORAGE_TOPIC}": [
                    {"name": "manifests"} | PROVISIONED,
                    {"name": "segments", "provisioningState": "Failed"},
                ]
            },
            "The subscription segments is Failed.",
        ),
        (
            {f"{WEBHOOK} list {CALL_TOPIC}": []},
            "Missing: the subscription incoming-calls; no call is answered.",
        ),
        (
            {f"{WEBHOOK} show segments": {"destination": webhook("other", "analyse_segment", "x")}},
            "segments goes to other.",
        ),
    ],
)
def test_wrong_subscription_is_found(examine: Examine, changes: dict[str, Any], text: str) -> None:
    ((level, found, remedy),) = examine(changes)["subscriptions"]
    assert (level, found) == ("error", text)
    assert remedy == "infra/deploy subscribe"


def test_wrong_function_and_wrong_key_are_found(examine: Examine, answering_server: str) -> None:
    """The host answers 202 to the first, and 401 to the second: both lose events."""
    host = answering_server
    changes = {
        f"{WEBHOOK} show segments": {"destination": webhook(host, "analyze_segment", BLOB_KEY)},
        f"{WEBHOOK} show manifests": {"destination": webhook(host, "assemble_call", "rotated")},
    }
    texts = sorted(text for _, text, _ in examine(changes)["subscriptions"])
    assert texts == [
        "manifests has another key than the app's blobs_extension: each event is refused.",
        "segments names a wrong function.",
    ]
    assert "rotated" not in str(texts)


@pytest.mark.parametrize(
    ("topic", "text"), [(STORAGE_TOPIC, "storage account"), (CALL_TOPIC, "ACS resource")]
)
def test_missing_topic_is_found(examine: Examine, topic: str, text: str) -> None:
    rest = [entry for entry in list_resources() if entry["name"] != topic]
    ((level, found, _),) = examine({"az resource list": rest})["subscriptions"]
    assert level == "error"
    assert text in found


@pytest.mark.parametrize(
    ("counts", "level", "text"),
    [
        ({"DeadLetteredCount": 3.0}, "error", "gave up delivering 3 blob events"),
        ({"DroppedEventCount": 1.0}, "error", "gave up delivering 1 blob events"),
        ({"DeliveryAttemptFailCount": 2.0}, "warning", "2 deliveries of blob events failed"),
    ],
)
def test_undelivered_events_are_found(
    examine: Examine, counts: dict[str, float], level: str, text: str
) -> None:
    command = f"{METRICS} {id_of(TOPIC, STORAGE_TOPIC)}"
    findings = examine({command: metrics(**counts)})["deliveries"]
    assert [found for found, _, _ in findings] == [level, "ok"]
    assert text in findings[0][1]
