"""The alerts read what the programs log, and reach the operator."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from azure.functions import HttpMethod

from event_log import format_event
from infra.shell import ROOT
from streamer.stats import Stats

from .bicep_server import BicepServer
from .conftest import Deployed

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

STATS_FIELDS = {
    "frames-lost": "frames_lost",
    "streams-refused-full": "handshakes_refused_full",
    "handshakes-refused": "handshakes_refused",
    "upload-backlog": "oldest_upload_seconds",
    "uploads-rejected": "uploads_rejected",
}
"""The alerts that read the streamer's statistics, and the field of each."""


@pytest.fixture(scope="module")
def queries(deployed: Deployed) -> dict[str, str]:
    """The queries of the log alerts, by the alert's name."""
    queries = {}
    for rule in deployed("Microsoft.Insights/scheduledQueryRules"):
        (criterion,) = rule["properties"]["criteria"]["allOf"]
        queries[rule["name"]] = criterion["query"]
    return queries


@pytest.fixture(scope="module")
def statistics() -> dict[str, int | float]:
    """A different value for each statistic."""
    fields = msgspec.structs.fields(Stats)
    return {
        field.name: number + 0.5 if field.type is float else number
        for number, field in enumerate(fields, 1)
    }


@pytest.fixture(scope="module")
def line(statistics: dict[str, int | float]) -> str:
    """The line that the streamer logs, as it reaches Log Analytics."""
    event = format_event(
        "streamer_stats", msgspec.structs.asdict(msgspec.convert(statistics, Stats))
    )
    return f"2026-03-01 12:00:00,000 INFO streamer.stats: {event}"


@pytest.mark.parametrize(("alert", "field"), STATS_FIELDS.items())
def test_alert_reads_its_field_of_the_streamer_s_statistics(
    queries: dict[str, str],
    statistics: dict[str, int | float],
    line: str,
    alert: str,
    field: str,
) -> None:
    query = re.fullmatch(
        r"ContainerAppConsoleLogs\n"
        r"\| where ContainerAppName == 'ca-streamer' and Log has '(?P<event>\w+)'\n"
        r"\| project TimeGenerated, value = todouble\(extract\(@'(?P<pattern>[^']+)', 1, Log\)\)",
        queries[alert],
    )
    assert query is not None, queries[alert]
    assert query["event"] in line.split()
    value = re.search(query["pattern"], line)
    assert value is not None
    assert float(value.group(1)) == statistics[field]


def test_every_query_on_the_streamer_s_log_is_known(queries: dict[str, str]) -> None:
    names = {name for name, query in queries.items() if "ContainerAppConsoleLogs" in query}
    assert names == STATS_FIELDS.keys()


@pytest.mark.parametrize(
    ("alert", "queue"),
    [
        ("poison-segments", "webjobs-blobtrigger-poison"),
        ("transcripts-failed", "transcriptions-poison"),
    ],
)
def test_poison_alerts_count_the_runs_of_their_queue_s_function(
    alert: str, queue: str, queries: dict[str, str], triggers: dict[str, dict[str, Any]]
) -> None:
    query = queries[alert]
    match = re.fullmatch(r"AppRequests \| where Name == '(\w+)' \| .*", query)
    assert match is not None, query
    # The host names the request of a run after its function.
    assert triggers[match.group(1)]["queueName"] == queue


def test_incoming_calls_alert_counts_failed_runs_of_the_function_that_answers(
    queries: dict[str, str], triggers: dict[str, dict[str, Any]]
) -> None:
    query = queries["incoming-calls-failed"]
    match = re.fullmatch(r"AppRequests \| where Name == '(\w+)' and Success == false \| .*", query)
    assert match is not None, query
    assert triggers[match.group(1)]["type"] == "eventGridTrigger"


def test_alerts_on_calls_count_the_requests_of_the_function_that_places_them(
    queries: dict[str, str], triggers: dict[str, dict[str, Any]]
) -> None:
    for alert, statuses in (("calls-placed", {"201"}), ("calls-refused", {"403", "429"})):
        match = re.match(r"AppRequests \| where Name == '(\w+)' and ResultCode ", queries[alert])
        assert match is not None, queries[alert]
        trigger = triggers[match[1]]
        assert (trigger["route"], trigger["methods"]) == ("v1/calls", [HttpMethod.POST])
        assert set(re.findall(r"'(\d+)'", queries[alert])) == statuses


def test_the_alert_on_long_calls_counts_failed_runs_of_the_timer_that_ends_them(
    queries: dict[str, str], triggers: dict[str, dict[str, Any]]
) -> None:
    query = queries["long-calls-not-ended"]
    match = re.fullmatch(r"AppRequests \| where Name == '(\w+)' and Success == false \| .*", query)
    assert match is not None, query
    assert triggers[match[1]]["schedule"] == "0 * * * * *"


def test_the_alert_on_dead_letters_counts_the_line_that_the_app_logs_for_each(
    queries: dict[str, str],
) -> None:
    query = queries["deliveries-dead"]
    match = re.fullmatch(
        r"AppTraces \| where Message startswith '(\w+ )' "
        r"\| project TimeGenerated, value = todouble\(ItemCount\)",
        query,
    )
    assert match is not None, query
    event = match[1].rstrip()
    assert format_event(event, {"call": "c1"}).startswith(match[1])
    assert f'"{event}"' in (ROOT / "calls" / "events" / "delivery.py").read_text()


def test_a_budget_notifies_the_owners_and_the_operator(bicep_server: BicepServer) -> None:
    snapshot = bicep_server.snapshot(
        "main",
        ALERT_EMAIL="operator@example.com",
        MONTHLY_BUDGET="500",
        BUDGET_START="2026-12-01",
    )
    (budget,) = (
        r for r in snapshot["predictedResources"] if r["type"] == "Microsoft.Consumption/budgets"
    )
    properties = budget["properties"]
    assert (properties["amount"], properties["timeGrain"]) == (500, "Monthly")
    assert properties["timePeriod"] == {"startDate": "2026-12-01"}
    thresholds = set()
    for notification in properties["notifications"].values():
        assert notification["enabled"]
        assert notification["contactRoles"] == ["Owner"]
        assert notification["contactEmails"] == ["operator@example.com"]
        thresholds.add((notification["thresholdType"], notification["threshold"]))
    assert thresholds == {("Actual", 50), ("Actual", 100), ("Forecasted", 100)}


def test_there_is_no_budget_unless_it_is_asked_for(deployed: Deployed) -> None:
    assert deployed("Microsoft.Consumption/budgets") == []


def test_requests_are_never_sampled() -> None:
    host = json.loads((ROOT / "host.json").read_text())["logging"]
    sampling = host["applicationInsights"]["samplingSettings"]
    assert "Request" in sampling["excludedTypes"].split(";"), "alerts would miss some"


def test_alerts_are_sent_to_the_operator(bicep_server: BicepServer) -> None:
    snapshot = bicep_server.snapshot("main", ALERT_EMAIL="operator@example.com")
    resources = snapshot["predictedResources"]
    (group,) = (r for r in resources if r["type"] == "Microsoft.Insights/actionGroups")
    (receiver,) = group["properties"]["emailReceivers"]
    assert receiver["emailAddress"] == "operator@example.com"
    alerts = 0
    for resource in resources:
        if resource["type"] == "Microsoft.Insights/scheduledQueryRules":
            assert resource["properties"]["actions"]["actionGroups"] == [group["id"]]
            alerts += 1
        if resource["type"] == "Microsoft.Insights/metricAlerts":
            assert resource["properties"]["actions"] == [{"actionGroupId": group["id"]}]
            alerts += 1
    assert alerts == len(STATS_FIELDS) + 8
