"""Event Grid tells the right function of the right events: nothing would notice if it did not."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobServiceClient

from acs.events import INCOMING_CALL
from calls import blobs
from calls.settings import Settings
from contract import names

from .conftest import Cli, Resources

# The CLI takes seconds, and more where others work, too.
pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).parents[2]

CALL = "401f2400-ea4c-4f1a-9c3b-0123456789ab"
STREAM = names.new_stream_id(datetime(2026, 3, 1, tzinfo=UTC))
SEGMENT = names.SegmentName(CALL, STREAM, names.track_name("8:acs:x"), datetime.now(UTC))
# What the streamer writes, by container.
WRITTEN = {
    names.SEGMENTS: [SEGMENT.blob, SEGMENT._replace(track=names.MIXED_TRACK).blob],
    names.MANIFESTS: [names.ManifestName(CALL, STREAM).blob],
}

# The address of the blobs extension's webhook, where only Azure knows the host and the key.
WEBHOOK = (
    r"\[format\('https://\{0\}/runtime/webhooks/blobs"
    r"\?functionName=Host\.Functions\.\{1\}&code=\{2\}', "
    r"reference\('[^']+/Microsoft\.Web/sites/[^/']+', '[0-9-]+'\)\.defaultHostName, "
    r"'(?P<function>\w+)', "
    r"listKeys\('[^']+/host/default', '[0-9-]+'\)\.systemKeys\.blobs_extension\)\]"
)


@pytest.fixture(scope="module")
def functions() -> list[Any]:
    """The app's functions, indexed anew: an app gives its functions only once."""
    found: list[Any] = runpy.run_path(str(ROOT / "function_app.py"))["app"].get_functions()
    return found


@pytest.fixture(scope="module")
def triggers(functions: list[Any]) -> dict[str, dict[str, Any]]:
    """The functions' storage_events, by function name."""
    return {f.get_function_name(): f.get_trigger().get_dict_repr() for f in functions}


@pytest.fixture(scope="module")
def subscriptions(deployed: Callable[..., Resources]) -> dict[str, dict[str, Any]]:
    """The subscriptions' properties, by the function that they tell."""
    by_function = {}
    for made in deployed("Microsoft.EventGrid/systemTopics/eventSubscriptions"):
        url = made["properties"]["destination"]["properties"]["endpointUrl"]
        form = re.fullmatch(WEBHOOK, url)
        assert form is not None, url
        function = form["function"]
        by_function[function] = made["properties"]
    return by_function


def subject(container: str, blob: str) -> str:
    """An event's subject, as Event Grid's schema for Blob Storage has it."""
    return f"/blobServices/default/containers/{container}/blobs/{blob}"


def matches(subscription: dict[str, Any], container: str, blob: str) -> bool:
    filters = subscription["filter"]
    text = subject(container, blob)
    return text.startswith(filters["subjectBeginsWith"]) and text.endswith(
        filters["subjectEndsWith"]
    )


def test_each_blob_trigger_has_its_subscription_and_none_is_left_over(
    triggers: dict[str, dict[str, Any]], subscriptions: dict[str, dict[str, Any]]
) -> None:
    blob_triggers = {n: t for n, t in triggers.items() if t["type"] == "blobTrigger"}
    assert blob_triggers.keys() == subscriptions.keys()
    for name, trigger in blob_triggers.items():
        assert str(trigger["source"]) == "EventGrid"
        container = trigger["path"].split("/")[0]
        for blob in WRITTEN[container]:
            assert matches(subscriptions[name], container, blob), (name, blob)


def test_nothing_else_that_is_written_fires_a_trigger(
    subscriptions: dict[str, dict[str, Any]],
) -> None:
    others = {*blobs.CONTAINERS, "app-package", "dead-letters", "segments-of-others"}
    for properties in subscriptions.values():
        fired = {
            container
            for container in others
            for written in WRITTEN.values()
            for blob in written
            if matches(properties, container, blob)
        }
        assert len(fired) == 1, "each subscription sees one container"


def test_only_finished_blobs_are_told_of_and_for_long_enough(
    subscriptions: dict[str, dict[str, Any]],
) -> None:
    for properties in subscriptions.values():
        assert properties["filter"]["includedEventTypes"] == ["Microsoft.Storage.BlobCreated"]
        assert properties["eventDeliverySchema"] == "EventGridSchema"
        assert properties["retryPolicy"] == {
            "maxDeliveryAttempts": 30,
            "eventTimeToLiveInMinutes": 1440,
        }
        letters = properties["deadLetterWithResourceIdentity"]
        assert letters["identity"] == {"type": "SystemAssigned"}
        destination = letters["deadLetterDestination"]["properties"]
        assert destination["blobContainerName"] == "dead-letters"


def incoming(cli: Cli, answer_calls: str) -> list[dict[str, Any]]:
    """The subscriptions to incoming calls that ANSWER_CALLS makes."""
    made = cli.snapshot("subscriptions", ANSWER_CALLS=answer_calls)["predictedResources"]
    return [r["properties"] for r in made if r["name"].endswith("/incoming-calls")]


def test_incoming_calls_are_told_to_the_function_that_answers_them(
    cli: Cli, deployed: Callable[..., Resources], triggers: dict[str, dict[str, Any]]
) -> None:
    answering = {n for n, t in triggers.items() if t["type"] == "eventGridTrigger"}
    (properties,) = incoming(cli, "all")
    destination = properties["destination"]
    # By its resource, so that no template reads a key.
    assert destination["endpointType"] == "AzureFunction"
    (app,) = deployed("Microsoft.Web/sites")
    site, _, name = destination["properties"]["resourceId"].partition("/functions/")
    assert (site, {name}) == (app["id"], answering)
    assert properties["filter"]["includedEventTypes"] == [INCOMING_CALL]
    assert properties["eventDeliverySchema"] == "EventGridSchema"
    # As incoming-call-notification.md advises.
    assert properties["retryPolicy"] == {"maxDeliveryAttempts": 2, "eventTimeToLiveInMinutes": 1}
    letters = properties["deadLetterWithResourceIdentity"]
    assert letters["identity"] == {"type": "SystemAssigned"}
    destination = letters["deadLetterDestination"]["properties"]
    assert destination["blobContainerName"] == "dead-letters"


def test_the_topic_of_incoming_calls_is_the_acs_resource_s(
    cli: Cli, deployed: Callable[..., Resources]
) -> None:
    topics = {t["name"]: t for t in deployed("Microsoft.EventGrid/systemTopics")}
    made = cli.snapshot("subscriptions", ANSWER_CALLS="all")["predictedResources"]
    (subscription,) = (r for r in made if r["name"].endswith("/incoming-calls"))
    topic = topics[subscription["name"].partition("/")[0]]
    (communication,) = deployed("Microsoft.Communication/communicationServices")
    assert topic["properties"] == {
        "source": communication["id"],
        "topicType": "Microsoft.Communication.CommunicationServices",
    }
    assert topic["location"] == communication["location"] == "global"
    assert topic["identity"] == {"type": "SystemAssigned"}


@pytest.mark.parametrize(
    ("answer_calls", "called"),
    [
        ("all", None),
        ("+15551230000", ["4:+15551230000"]),
        ("+15551230000, 8:acs:a_b", ["4:+15551230000", "8:acs:a_b"]),
        (",".join(f"+1555123{n:04}" for n in range(26)), None),
    ],
)
def test_only_calls_to_what_is_answered_are_told_of(
    cli: Cli, answer_calls: str, called: list[str] | None
) -> None:
    (properties,) = incoming(cli, answer_calls)
    filters = properties["filter"]["advancedFilters"]
    if called is None:
        assert filters == []
        return
    assert filters == [{"operatorType": "StringIn", "key": "data.to.rawId", "values": called}]
    # What passes the filter is what the app answers by the same setting.
    settings = Settings(answer_calls=answer_calls)
    assert all(map(settings.answers, called))


def test_without_being_asked_nothing_is_answered(
    cli: Cli, app_settings: dict[str, str], subscriptions: dict[str, dict[str, Any]]
) -> None:
    assert app_settings["ANSWER_CALLS"] == "off"
    assert incoming(cli, "off") == []
    made = cli.snapshot("main", ANSWER_CALLS="+15551230000")["predictedResources"]
    (settings,) = (r["properties"] for r in made if r["name"].endswith("/appsettings"))
    assert settings["ANSWER_CALLS"] == "+15551230000"
    assert subscriptions.keys() == {"analyse_segment", "assemble_call"}


@pytest.mark.parametrize("megabytes", [1, 65])
def test_the_ways_in_which_the_sdk_finishes_a_blob_pass_the_filter(
    subscriptions: dict[str, dict[str, Any]], storage: str, megabytes: int
) -> None:
    """65 MB is past the size up to which the SDK writes a blob in one request."""
    writes = []

    def note(request: Any) -> None:
        query = parse_qs(urlsplit(request.http_request.url).query)
        if request.http_request.method == "PUT" and "restype" not in query:
            writes.append(query.get("comp", [""])[0])

    service = BlobServiceClient.from_connection_string(storage)
    container = service.get_container_client(f"finish-{megabytes}")
    container.create_container()
    container.upload_blob("blob", bytes(megabytes * 2**20), raw_request_hook=note)
    api = {"": "PutBlob", "blocklist": "PutBlockList"}[writes[-1]]
    assert api == ("PutBlob" if megabytes == 1 else "PutBlockList")
    for properties in subscriptions.values():
        (only,) = properties["filter"]["advancedFilters"]
        assert (only["operatorType"], only["key"]) == ("StringIn", "data.api")
        assert api in only["values"]


def test_every_connection_is_by_identity_with_blobs_and_queues(
    functions: list[Any], app_settings: dict[str, str]
) -> None:
    connections = {
        binding.get_dict_repr()["connection"]
        for function in functions
        for binding in function.get_bindings()
        if binding.get_dict_repr().get("connection")
    }
    assert connections
    for connection in connections:
        for part in ("blobServiceUri", "queueServiceUri", "clientId"):
            assert f"{connection}__{part}" in app_settings
        assert app_settings[f"{connection}__credential"] == "managedidentity"


def test_signing_in_leaves_open_what_verifies_its_callers_itself(
    cli: Cli, triggers: dict[str, dict[str, Any]]
) -> None:
    application = "00000000-0000-4000-8000-000000000002"
    made = cli.snapshot("main", SIGN_IN_CLIENT_ID=application)["predictedResources"]
    (auth,) = (r for r in made if r["name"].endswith("/authsettingsV2"))
    open_paths = auth["properties"]["globalValidation"]["excludedPaths"]
    assert auth["properties"]["globalValidation"]["requireAuthentication"] is True
    for webhook in ("/runtime/webhooks/blobs", "/runtime/webhooks/EventGrid"):
        assert webhook in open_paths, "Event Grid comes with its key"
    assert "/admin/host/status" in open_paths, "func publish looks there, with the master key"
    told = (ROOT / "SECURITY.md").read_text()
    assert all(f"`{path.removesuffix('/*')}`" in told for path in open_paths)
    patterns = [re.compile(re.escape(path).replace(r"\*", ".*")) for path in open_paths]
    for name, trigger in triggers.items():
        if trigger["type"] != "httpTrigger":
            continue
        path = "/api/" + re.sub(r"\{\w+[^}]*\}", "x", trigger["route"])
        is_open = any(pattern.fullmatch(path) for pattern in patterns)
        anonymous = str(trigger["authLevel"]).lower().endswith("anonymous")
        assert is_open == anonymous, (name, path)


def test_the_poison_alert_counts_the_runs_of_the_poison_queue_s_function(
    deployed: Callable[..., Resources], triggers: dict[str, dict[str, Any]]
) -> None:
    rules = deployed("Microsoft.Insights/scheduledQueryRules")
    (rule,) = (rule for rule in rules if rule["name"] == "poison-segments")
    (criterion,) = rule["properties"]["criteria"]["allOf"]
    named = re.fullmatch(r"AppRequests \| where Name == '(\w+)' \| .*", criterion["query"])
    assert named is not None, criterion["query"]
    assert triggers[named.group(1)]["queueName"] == "webjobs-blobtrigger-poison"
    host = json.loads((ROOT / "host.json").read_text())["logging"]
    sampling = host["applicationInsights"]["samplingSettings"]
    assert "Request" in sampling["excludedTypes"].split(";"), "one that is sampled away is missed"


def test_without_signing_in_function_keys_are_all(deployed: Callable[..., Resources]) -> None:
    configs = {r["name"].split("/")[1] for r in deployed("Microsoft.Web/sites/config")}
    assert configs == {"appsettings"}
