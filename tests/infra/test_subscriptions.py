"""Event Grid sends the right events to the right function; nothing else would detect a mistake."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobServiceClient

from acs.events import INCOMING_CALL
from calls import blobs
from calls.settings import Settings
from contract import names
from infra.shell import ROOT

from .bicep_server import BicepServer
from .conftest import Deployed

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

CALL = "401f2400-ea4c-4f1a-9c3b-0123456789ab"
STREAM = names.new_stream_id(datetime(2026, 3, 1, tzinfo=UTC))
SEGMENT = names.SegmentName(CALL, STREAM, names.track_name(1), datetime.now(UTC))
# What the streamer writes, by container.
WRITTEN = {
    names.SEGMENTS: [SEGMENT.blob, SEGMENT._replace(track=names.MIXED_TRACK).blob],
    names.MANIFESTS: [names.ManifestName(CALL, STREAM).blob],
}

# The address of the blobs extension's webhook; only Azure knows the host and the key.
WEBHOOK = (
    r"\[format\('https://\{0\}/runtime/webhooks/blobs"
    r"\?functionName=Host\.Functions\.\{1\}&code=\{2\}', "
    r"reference\('[^']+/Microsoft\.Web/sites/[^/']+', '[0-9-]+'\)\.defaultHostName, "
    r"'(?P<function>\w+)', "
    r"listKeys\('[^']+/host/default', '[0-9-]+'\)\.systemKeys\.blobs_extension\)\]"
)


@pytest.fixture(scope="module")
def subscriptions(deployed: Deployed) -> dict[str, dict[str, Any]]:
    """The subscriptions' properties, by the function that receives the events."""
    by_function = {}
    for resource in deployed("Microsoft.EventGrid/systemTopics/eventSubscriptions"):
        url = resource["properties"]["destination"]["properties"]["endpointUrl"]
        match = re.fullmatch(WEBHOOK, url)
        assert match is not None, url
        by_function[match["function"]] = resource["properties"]
    return by_function


def subject(container: str, blob: str) -> str:
    """Return an event's subject, as in Event Grid's schema for Blob Storage."""
    return f"/blobServices/default/containers/{container}/blobs/{blob}"


def matches(subscription: dict[str, Any], container: str, blob: str) -> bool:
    """Whether a subscription's filter on subjects lets a blob through."""
    filters = subscription["filter"]
    text = subject(container, blob)
    return text.startswith(filters["subjectBeginsWith"]) and text.endswith(
        filters["subjectEndsWith"]
    )


def test_blob_triggers_and_subscriptions_match(
    triggers: dict[str, dict[str, Any]], subscriptions: dict[str, dict[str, Any]]
) -> None:
    blob_triggers = {n: t for n, t in triggers.items() if t["type"] == "blobTrigger"}
    assert blob_triggers.keys() == subscriptions.keys()
    for name, trigger in blob_triggers.items():
        assert str(trigger["source"]) == "EventGrid"
        container = trigger["path"].split("/")[0]
        for blob in WRITTEN[container]:
            assert matches(subscriptions[name], container, blob), (name, blob)


def test_no_other_blob_fires_a_trigger(
    subscriptions: dict[str, dict[str, Any]],
) -> None:
    others = {*blobs.CONTAINERS, "app-package", "dead-letters", "segments-of-others"}
    for properties in subscriptions.values():
        matching = {
            container
            for container in others
            for written in WRITTEN.values()
            for blob in written
            if matches(properties, container, blob)
        }
        assert len(matching) == 1, "each subscription covers one container"


def test_only_complete_blobs_are_delivered_and_long_enough(
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


def incoming_subscriptions(bicep_server: BicepServer, answer_calls: str) -> list[dict[str, Any]]:
    """Return the subscriptions to incoming calls for a value of ANSWER_CALLS."""
    snapshot = bicep_server.snapshot("subscriptions", ANSWER_CALLS=answer_calls)
    resources = snapshot["predictedResources"]
    return [r["properties"] for r in resources if r["name"].endswith("/incoming-calls")]


def test_incoming_calls_reach_the_function_that_answers_them(
    bicep_server: BicepServer, deployed: Deployed, triggers: dict[str, dict[str, Any]]
) -> None:
    answering = {n for n, t in triggers.items() if t["type"] == "eventGridTrigger"}
    (properties,) = incoming_subscriptions(bicep_server, "all")
    destination = properties["destination"]
    # By the function's resource id: no template reads a key.
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


def list_topics(bicep_server: BicepServer, **variables: str) -> dict[str, dict[str, Any]]:
    """Return the system topics that main.bicep deploys, by their names."""
    resources = bicep_server.snapshot("main", **variables)["predictedResources"]
    return {r["name"]: r for r in resources if r["type"] == "Microsoft.EventGrid/systemTopics"}


def test_acs_has_a_topic_only_if_calls_are_answered(bicep_server: BicepServer) -> None:
    def list_types(answer_calls: str) -> list[str]:
        topics = list_topics(bicep_server, ANSWER_CALLS=answer_calls).values()
        return sorted(topic["properties"]["topicType"] for topic in topics)

    storage = "Microsoft.Storage.StorageAccounts"
    acs = "Microsoft.Communication.CommunicationServices"
    assert list_types("off") == [storage]
    assert list_types("+15551230000") == [acs, storage]


def test_existing_topics_are_adopted_under_their_names(bicep_server: BicepServer) -> None:
    """A source has one topic at most, and Defender for Storage makes one for itself."""
    names_of_topics = {"STORAGE_TOPIC": "topic-of-defender", "CALL_TOPIC": "topic-of-others"}
    topics = list_topics(bicep_server, ANSWER_CALLS="all", **names_of_topics)
    assert topics.keys() == {"topic-of-defender", "topic-of-others"}
    assert all(topic["identity"] == {"type": "SystemAssigned"} for topic in topics.values())
    subscriptions = bicep_server.snapshot("subscriptions", ANSWER_CALLS="all", **names_of_topics)
    parents = {}
    for resource in subscriptions["predictedResources"]:
        parent, _, name = resource["name"].partition("/")
        parents[name] = parent
    assert parents == {
        "segments": "topic-of-defender",
        "manifests": "topic-of-defender",
        "incoming-calls": "topic-of-others",
    }
    resources = bicep_server.snapshot("main", **names_of_topics)["predictedResources"]
    (alert,) = (r for r in resources if r["name"] == "events-dead-lettered")
    assert alert["properties"]["scopes"][0].endswith("/topic-of-defender")


def test_topic_of_incoming_calls_belongs_to_the_acs_resource(
    bicep_server: BicepServer, deployed: Deployed
) -> None:
    topics = list_topics(bicep_server, ANSWER_CALLS="all")
    resources = bicep_server.snapshot("subscriptions", ANSWER_CALLS="all")["predictedResources"]
    (subscription,) = (r for r in resources if r["name"].endswith("/incoming-calls"))
    topic = topics[subscription["name"].partition("/")[0]]
    (communication,) = deployed("Microsoft.Communication/communicationServices")
    assert topic["properties"] == {
        "source": communication["id"],
        "topicType": "Microsoft.Communication.CommunicationServices",
    }
    assert topic["location"] == communication["location"] == "global"
    assert topic["identity"] == {"type": "SystemAssigned"}


@pytest.mark.parametrize(
    ("answer_calls", "callees"),
    [
        ("all", None),
        ("+15551230000", ["4:+15551230000"]),
        ("+15551230000, 8:acs:a_b", ["4:+15551230000", "8:acs:a_b"]),
        (",".join(f"+1555123{n:04}" for n in range(26)), None),
    ],
)
def test_only_calls_that_are_answered_are_delivered(
    bicep_server: BicepServer, answer_calls: str, callees: list[str] | None
) -> None:
    (properties,) = incoming_subscriptions(bicep_server, answer_calls)
    filters = properties["filter"]["advancedFilters"]
    if callees is None:
        assert filters == []
        return
    assert filters == [{"operatorType": "StringIn", "key": "data.to.rawId", "values": callees}]
    # The app answers exactly what passes the filter.
    settings = Settings(answer_calls=answer_calls)
    assert all(map(settings.answers, callees))


def test_no_call_is_answered_by_default(
    bicep_server: BicepServer,
    app_settings: dict[str, str],
    subscriptions: dict[str, dict[str, Any]],
) -> None:
    assert app_settings["ANSWER_CALLS"] == "off"
    assert incoming_subscriptions(bicep_server, "off") == []
    resources = bicep_server.snapshot("main", ANSWER_CALLS="+15551230000")["predictedResources"]
    (settings,) = (r["properties"] for r in resources if r["name"].endswith("/appsettings"))
    assert settings["ANSWER_CALLS"] == "+15551230000"
    assert subscriptions.keys() == {"analyse_segment", "assemble_call"}


@pytest.mark.parametrize("megabytes", [1, 2])
def test_operations_with_which_the_sdk_completes_a_blob_pass_the_filter(
    subscriptions: dict[str, dict[str, Any]], storage: str, megabytes: int
) -> None:
    """The SDK writes a small blob in one request, and a larger one in blocks.

    By default, the limit is 64 MiB; here it is 1 MiB.
    """
    operations = []

    def record_operation(request: Any) -> None:
        query = parse_qs(urlsplit(request.http_request.url).query)
        if request.http_request.method == "PUT" and "restype" not in query:
            operations.append(query.get("comp", [""])[0])

    service = BlobServiceClient.from_connection_string(storage, max_single_put_size=2**20)
    container = service.get_container_client(f"complete-{megabytes}")
    container.create_container()
    container.upload_blob("blob", bytes(megabytes * 2**20), raw_request_hook=record_operation)
    api = {"": "PutBlob", "blocklist": "PutBlockList"}[operations[-1]]
    assert api == ("PutBlob" if megabytes == 1 else "PutBlockList")
    for properties in subscriptions.values():
        (only,) = properties["filter"]["advancedFilters"]
        assert (only["operatorType"], only["key"]) == ("StringIn", "data.api")
        assert api in only["values"]


def test_every_connection_uses_the_identity_for_blobs_and_queues(
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


def test_sign_in_excludes_paths_that_authenticate_their_callers(
    bicep_server: BicepServer, triggers: dict[str, dict[str, Any]]
) -> None:
    application = "00000000-0000-4000-8000-000000000002"
    resources = bicep_server.snapshot("main", SIGN_IN_CLIENT_ID=application)["predictedResources"]
    (auth,) = (r for r in resources if r["name"].endswith("/authsettingsV2"))
    open_paths = auth["properties"]["globalValidation"]["excludedPaths"]
    assert auth["properties"]["globalValidation"]["requireAuthentication"] is True
    for webhook in ("/runtime/webhooks/blobs", "/runtime/webhooks/EventGrid"):
        assert webhook in open_paths, "Event Grid has its own key"
    assert "/admin/host/status" in open_paths, "func publish reads it with the master key"
    (settings,) = (r["properties"] for r in resources if r["name"].endswith("/appsettings"))
    assert settings["AUTHENTICATION"] == "entra", "else the host would ask for a key, too"
    security_md = (ROOT / "SECURITY.md").read_text()
    assert all(f"`{path.removesuffix('/*')}`" in security_md for path in open_paths)
    patterns = [re.compile(re.escape(path).replace(r"\*", ".*")) for path in open_paths]
    for name, trigger in triggers.items():
        if trigger["type"] != "httpTrigger":
            continue
        path = "/api/" + re.sub(r"\{\w+[^}]*\}", "x", trigger["route"])
        is_open = any(pattern.fullmatch(path) for pattern in patterns)
        anonymous = str(trigger["authLevel"]).lower().endswith("anonymous")
        assert is_open == anonymous, (name, path)


def test_nothing_pretends_that_app_service_signs_users_in(app_settings: dict[str, str]) -> None:
    assert "WEBSITE_AUTH_ENABLED" not in app_settings, "only App Service may set it"


def test_sign_in_is_off_by_default(deployed: Deployed, app_settings: dict[str, str]) -> None:
    assert app_settings["AUTHENTICATION"] == "keys"
    assert app_settings["FUNCTION_KEYS"] == ""
    configs = {r["name"].split("/")[1] for r in deployed("Microsoft.Web/sites/config")}
    assert configs == {"appsettings"}
