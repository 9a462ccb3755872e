"""Event Grid: the subscriptions, their keys, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infra.findings import Finding, error, ok, warning
from infra.system import System

BLOB_SUBSCRIPTIONS = {"segments": "analyse_segment", "manifests": "assemble_call"}
"""The subscriptions of the storage account's topic, and their functions."""

CALL_SUBSCRIPTION = "incoming-calls"

_METRICS = ("DeadLetteredCount", "DroppedEventCount", "DeliveryAttemptFailCount")


def check_subscriptions(system: System) -> Iterator[Finding]:
    """Look whether each function is subscribed to its events, with the right key."""
    topic = system.topic(system.storage())
    if topic is None:
        yield _missing("the storage account's system topic", "nothing is analysed")
        return
    existing = _list_subscriptions(system, topic)
    problems = [
        _missing(f"the subscription {name}", f"{function} does not run")
        for name, function in BLOB_SUBSCRIPTIONS.items()
        if name not in existing
    ]
    problems += _not_provisioned(existing)
    problems += _check_webhooks(system, topic, existing)
    if system.settings().get("ANSWER_CALLS", "off") != "off":
        problems += _check_incoming(system)
    yield from problems
    if not problems:
        yield ok("every function is subscribed to its events, with the key that the app has")


def check_deliveries(system: System) -> Iterator[Finding]:
    """Look whether Event Grid could deliver the events of the last day."""
    sources = {"blob events": system.storage(), "incoming calls": system.communication()}
    topics = {name: system.topic(source) for name, source in sources.items()}
    for name, topic in topics.items():
        if topic is None:
            continue
        counts = _count(system, topic["id"])
        lost = counts["DeadLetteredCount"] + counts["DroppedEventCount"]
        if lost:
            yield error(
                f"Event Grid gave up delivering {lost:.0f} {name} within a day.",
                "See the container dead-letters for the reasons. The reconciler finds what was "
                "overlooked within minutes; an incoming call is lost.",
            )
        elif counts["DeliveryAttemptFailCount"]:
            yield warning(
                f"{counts['DeliveryAttemptFailCount']:.0f} deliveries of {name} failed within a "
                "day, and were repeated.",
                "Some fail while the app starts. If they go on: infra/deploy subscribe.",
            )
        else:
            yield ok(f"all {name} of the last day were delivered")


def _missing(what: str, consequence: str) -> Finding:
    return error(f"Missing: {what}; {consequence}.", "infra/deploy subscribe")


def _list_subscriptions(system: System, topic: dict[str, Any]) -> dict[str, dict[str, Any]]:
    of_topic = ("eventgrid", "system-topic", "event-subscription", "list")
    entries = system.query(*of_topic, "--system-topic-name", topic["name"])
    return {entry["name"]: entry for entry in entries}


def _not_provisioned(existing: dict[str, dict[str, Any]]) -> list[Finding]:
    return [
        error(f"The subscription {name} is {entry['provisioningState']}.", "infra/deploy subscribe")
        for name, entry in existing.items()
        if name in (*BLOB_SUBSCRIPTIONS, CALL_SUBSCRIPTION)
        and entry["provisioningState"] != "Succeeded"
    ]


def _check_webhooks(
    system: System, topic: dict[str, Any], existing: dict[str, dict[str, Any]]
) -> list[Finding]:
    """The host answers 202 to a wrong function's name, and 401 to a wrong key."""
    app = system.app_name()
    query = ("--query", "systemKeys.blobs_extension")
    key = system.query("functionapp", "keys", "list", "--name", app, *query)
    problems = []
    for name in BLOB_SUBSCRIPTIONS.keys() & existing.keys():
        show = ("eventgrid", "system-topic", "event-subscription", "show", "--name", name)
        full = ("--system-topic-name", topic["name"], "--include-full-endpoint-url", "true")
        destination = system.query(*show, *full)["destination"]
        url = urlsplit(destination["endpointUrl"])
        query_string = parse_qs(url.query)
        if url.hostname != system.app()["properties"]["defaultHostName"].partition(":")[0]:
            problems.append(error(f"{name} goes to {url.hostname}.", "infra/deploy subscribe"))
        elif query_string.get("functionName") != [f"Host.Functions.{BLOB_SUBSCRIPTIONS[name]}"]:
            problems.append(error(f"{name} names a wrong function.", "infra/deploy subscribe"))
        elif query_string.get("code") != [key]:
            text = f"{name} has another key than the app's blobs_extension: each event is refused."
            problems.append(error(text, "infra/deploy subscribe"))
    return problems


def _check_incoming(system: System) -> list[Finding]:
    topic = system.topic(system.communication())
    if topic is None:
        return [_missing("the ACS resource's system topic", "no call is answered")]
    existing = _list_subscriptions(system, topic)
    if CALL_SUBSCRIPTION not in existing:
        return [_missing(f"the subscription {CALL_SUBSCRIPTION}", "no call is answered")]
    return _not_provisioned(existing)


def _count(system: System, topic_id: str) -> dict[str, float]:
    """Return the sums of a topic's metrics over the last day."""
    span = ("--aggregation", "Total", "--interval", "PT1H", "--offset", "1d")
    answer = system.shell.query_az(
        "monitor", "metrics", "list", "--resource", topic_id, "--metrics", *_METRICS, *span
    )
    counts = dict.fromkeys(_METRICS, 0.0)
    for metric in answer["value"]:
        for series in metric["timeseries"]:
            counts[metric["name"]["value"]] += sum(p.get("total") or 0 for p in series["data"])
    return counts
