"""What would be deployed: least privilege, no keys, and everything that the code needs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import calls.settings
import streamer.settings
from calls import blobs
from calls.retention.inventory import CONTAINERS
from contract import names
from functions import (
    DEADLINE_QUEUE,
    DELETION_QUEUE,
    DELIVERY_QUEUE,
    ENDED_CALLS_QUEUE,
    EVENT_QUEUE,
    EXPORT_QUEUE,
    TRANSCRIPTION_QUEUE,
)
from infra import bicep
from infra.shell import ROOT
from streamer import connection

from .bicep_server import BicepServer
from .conftest import TEMPLATES, Deployed
from .dockerfile import Dockerfile
from .test_settings import resolve

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "09976791-48a7-449e-bb21-39d1a415f350": "Communication and Email Service Owner",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
}

# Who has which role on what, and why nothing less would do.
ASSIGNMENTS = {
    ("function", "Storage Blob Data Owner", "storageAccounts"): "the host requires Owner",
    ("function", "Storage Queue Data Contributor", "storageAccounts"): "blob triggers, transcripts",
    ("function", "Storage Table Data Contributor", "storageAccounts"): "host's diagnostic events",
    ("function", "Storage Blob Delegator", "storageAccounts"): "signs links to audio",
    ("function", "Communication and Email Service Owner", "communicationServices"): "places calls",
    ("function", "Monitoring Metrics Publisher", "components"): "telemetry without a key",
    ("streamer", "add blobs", "containers/segments"): "writes segments",
    ("streamer", "add blobs", "containers/manifests"): "writes manifests",
    ("streamer", "bind grants", "containers/grants"): "reads and binds grants",
    ("streamer", "add blobs", "containers/drafts"): "manifests so far",
    ("streamer", "add blobs", "containers/rejected"): "conflicting blobs",
    ("streamer", "AcrPull", "registries"): "pulls its image",
    ("topic", "Storage Blob Data Contributor", "containers/dead-letters"): "writes dead letters",
    (
        "callTopic",
        "Storage Blob Data Contributor",
        "containers/dead-letters",
    ): "writes dead letters",
}


def test_every_role_assignment_is_on_the_list(
    bicep_server: BicepServer, deployed: Deployed
) -> None:
    own_roles = {
        role["id"].rsplit("/", 1)[1]: re.sub(
            r"Call Audio: | \(.*", "", role["properties"]["roleName"]
        )
        for role in deployed("Microsoft.Authorization/roleDefinitions")
    }
    resources = bicep_server.snapshot("main", ANSWER_CALLS="all")["predictedResources"]
    descriptions = {}
    for assignment in (r for r in resources if r["type"].endswith("/roleAssignments")):
        properties = assignment["properties"]
        holder = re.search(r"outputs\.(?:(\w+)PrincipalId|principalId)", properties["principalId"])
        assert holder is not None
        role = (ROLES | own_roles)[properties["roleDefinitionId"].rsplit("/", 1)[1]]
        scope = assignment_scope(assignment).split("/")
        target = "/".join(scope[-2:]) if scope[-2] == "containers" else scope[-2]
        descriptions[holder.group(1) or "topic", role, target] = properties["description"]
        assert properties["principalType"] == "ServicePrincipal"
    assert descriptions.keys() == ASSIGNMENTS.keys()
    assert all(descriptions.values()), "each has its reason, in Azure too"


def assignment_scope(assignment: dict[str, Any]) -> str:
    """Return the id of the resource that a role is assigned on."""
    # The assignment's own name contains an id that only Azure knows.
    match = re.match(r"\[extensionResourceId\('([^']+)', ", assignment["id"])
    assert match is not None, assignment["id"]
    return match[1]


def test_each_role_assignment_is_named_for_its_principal(bicep_server: BicepServer) -> None:
    """An identity that is deleted and created again keeps its name, and gets another id."""
    variables = {"ANSWER_CALLS": "all", "TRANSCRIPTION": "azure"}
    resources = bicep_server.snapshot("main", **variables)["predictedResources"]
    assignments = [r for r in resources if r["type"].endswith("/roleAssignments")]
    assert len(assignments) == len(ASSIGNMENTS) + 1, "transcription needs one more"
    for assignment in assignments:
        (principal,) = re.findall(
            r"outputs\.(\w*[pP]rincipalId)\.value", assignment["properties"]["principalId"]
        )
        assert f"outputs.{principal}.value" in assignment["name"]
    assert len({a["id"] for a in assignments}) == len(assignments)


def test_streamer_may_add_and_read_blobs_and_change_only_grants(deployed: Deployed) -> None:
    blob = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"
    actions = {
        re.sub(r"Call Audio: | \(.*", "", role["properties"]["roleName"]): [
            (permission["actions"], [a.removeprefix(blob) for a in permission["dataActions"]])
            for permission in role["properties"]["permissions"]
        ]
        for role in deployed("Microsoft.Authorization/roleDefinitions")
    }
    assert actions == {
        "add blobs": [([], ["add/action", "read"])],
        "bind grants": [([], ["add/action", "read", "write"])],
    }
    for assignment in deployed("Microsoft.Authorization/roleAssignments"):
        properties = assignment["properties"]
        if "streamer" in properties["principalId"] and "/containers/" in assignment["id"]:
            assert properties["conditionVersion"] == "2.0"
            listing = f"!(ActionMatches{{'{blob}read'}} AND SubOperationMatches{{'Blob.List'}})"
            assert listing in properties["condition"], "it may not list the blobs"


def test_streamer_can_access_only_the_containers_that_it_uses() -> None:
    modules = (bicep.FOLDER.parent / "streamer").glob("*.py")
    code = "".join(file.read_text() for file in modules)
    constants = {getattr(names, word) for word in re.findall(r"\bnames\.([A-Z]+)\b", code)}
    used = {f"containers/{name}" for name in constants if name in names.CONTAINERS}
    accessible = {
        target
        for holder, _, target in ASSIGNMENTS
        if holder == "streamer" and target.startswith("containers/")
    }
    assert accessible == used


@pytest.mark.parametrize("template", TEMPLATES)
def test_only_the_webhook_key_is_read_by_a_template(
    bicep_server: BicepServer, template: str
) -> None:
    text = json.dumps(bicep_server.build(template))
    keys = re.findall(r"\blist[A-Z]\w*\(.{20}", text)
    webhook = "listKeys(format('{0}/host/def"
    assert keys == ([webhook] if template == "subscriptions" else [])
    assert len(keys) == text.count(".systemKeys.blobs_extension")


def test_no_output_holds_a_secret(bicep_server: BicepServer) -> None:
    for template in TEMPLATES:
        outputs = bicep_server.snapshot(template)["outputs"]
        assert not re.search(r"(?i)key|secret|token|connectionstring|\blist", json.dumps(outputs))
    # The outputs of modules are as readable, in the list of deployments.
    compiled = bicep_server.build("main")
    nested = {
        f"{name}.{output}"
        for name, module in compiled["resources"].items()
        for output in module["properties"]["template"].get("outputs", {})
    }
    suspicious = {name for name in nested if re.search(r"(?i)key|secret|connectionstring", name)}
    # Not a secret, since it gives no access: see the next test.
    assert suspicious == {"monitoring.insightsConnectionString"}


def test_no_key_gives_access(deployed: Deployed) -> None:
    (account,) = deployed("Microsoft.Storage/storageAccounts")
    assert account["properties"]["allowSharedKeyAccess"] is False
    assert account["properties"]["allowBlobPublicAccess"] is False
    assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert account["properties"]["supportsHttpsTrafficOnly"] is True
    (insights,) = deployed("Microsoft.Insights/components")
    assert insights["properties"]["DisableLocalAuth"] is True
    (communication,) = deployed("Microsoft.Communication/communicationServices")
    assert communication["properties"]["disableLocalAuth"] is True
    (registry,) = deployed("Microsoft.ContainerRegistry/registries")
    assert registry["properties"]["adminUserEnabled"] is False
    policies = deployed("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert [policy["properties"]["allow"] for policy in policies] == [False, False]
    containers = deployed("Microsoft.Storage/storageAccounts/blobServices/containers")
    assert {c["properties"]["publicAccess"] for c in containers} == {"None"}


def test_no_parameter_is_a_secret(bicep_server: BicepServer) -> None:
    for template in TEMPLATES:
        compiled = bicep_server.build(template)
        kinds = {p.get("type", "").lower() for p in compiled.get("parameters", {}).values()}
        assert not kinds & {"securestring", "secureobject"}


def test_all_containers_are_created_and_expire(deployed: Deployed) -> None:
    containers = {
        resource["name"].rsplit("/", 1)[1]
        for resource in deployed("Microsoft.Storage/storageAccounts/blobServices/containers")
    }
    assert containers == {*blobs.CONTAINERS, "app-package", "dead-letters"}
    (policy,) = deployed("Microsoft.Storage/storageAccounts/managementPolicies")
    rules = policy["properties"]["policy"]["rules"]
    expiring = {
        prefix
        for rule in rules
        if rule["enabled"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    }
    # What has a call in it expires in the app, which knows of legal holds.
    of_calls = {*CONTAINERS["call"], blobs.RETENTION, blobs.INDEX} - {
        "grants",
        "idempotency",
        "dead-letters",
    }
    assert expiring == {f"{name}/" for name in containers - {"app-package"} - of_calls}


def test_idempotency_keys_are_kept_as_long_as_the_documentation_says(deployed: Deployed) -> None:
    (policy,) = deployed("Microsoft.Storage/storageAccounts/managementPolicies")
    days = {
        rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
        for rule in policy["properties"]["policy"]["rules"]
        if rule["enabled"] and "idempotency/" in rule["definition"]["filters"]["prefixMatch"]
    }
    text = " ".join((ROOT / "docs/http-api.md").read_text().split())
    match = re.search(
        r"A key is remembered for at least (\d+) days .* \(`temporaryDays` in Bicep\)", text
    )
    assert match is not None
    assert days == {int(match[1])}


def test_no_lifecycle_rule_deletes_what_a_legal_hold_keeps(deployed: Deployed) -> None:
    """A rule knows nothing of a hold: none may touch a container that has a call's audio or words.

    ``immutableDays`` adds a rule for versions that have been replaced; its own test has that.
    """
    held = {*CONTAINERS["call"], blobs.RETENTION, blobs.INDEX} - {
        "grants",
        "idempotency",
        "dead-letters",
    }
    assert held >= {"segments", "manifests", "recordings", "results", "calls"}
    (policy,) = deployed("Microsoft.Storage/storageAccounts/managementPolicies")
    for rule in policy["properties"]["policy"]["rules"]:
        definition = rule["definition"]
        touched = {prefix.split("/")[0] for prefix in definition["filters"]["prefixMatch"]}
        assert touched, "a rule without a prefix touches everything"
        assert not touched & held, rule["name"]


def test_recordings_and_manifests_can_be_made_immutable(bicep_server: BicepServer) -> None:
    """Version-level immutability: https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview."""
    resources = bicep_server.snapshot("main", IMMUTABLE_DAYS="365")["predictedResources"]
    kind = "Microsoft.Storage/storageAccounts/blobServices"
    (service,) = (r for r in resources if r["type"] == kind)
    assert service["properties"]["isVersioningEnabled"] is True
    immutable = {
        r["name"].rsplit("/", 1)[1]
        for r in resources
        if r["type"] == f"{kind}/containers"
        and r["properties"].get("immutableStorageWithVersioning") == {"enabled": True}
    }
    policies = {
        r["name"].split("/")[2]: r["properties"]
        for r in resources
        if r["type"] == f"{kind}/containers/immutabilityPolicies"
    }
    assert immutable == {"recordings", "manifests"}
    assert policies.keys() == immutable | {"audit"}
    for container, policy in policies.items():
        assert policy["immutabilityPeriodSinceCreationInDays"] == 365
        assert policy["allowProtectedAppendWrites"] is (container == "audit"), "only added to"
    (lifecycle,) = (r for r in resources if r["type"].endswith("/managementPolicies"))
    (rule,) = (r for r in lifecycle["properties"]["policy"]["rules"] if r["name"] == "versions")
    prefixes = set(rule["definition"]["filters"]["prefixMatch"])
    assert not prefixes & {"recordings/", "manifests/"}
    assert {"calls/", "results/", "segments/"} < prefixes
    assert rule["definition"]["actions"].keys() == {"version"}, "never what is current"


def test_nothing_is_immutable_unless_it_is_asked_for(deployed: Deployed) -> None:
    kind = "Microsoft.Storage/storageAccounts/blobServices"
    (service,) = deployed(kind)
    assert service["properties"]["isVersioningEnabled"] is False
    assert not deployed(f"{kind}/containers/immutabilityPolicies")
    containers = deployed(f"{kind}/containers")
    assert not any("immutableStorageWithVersioning" in c["properties"] for c in containers)


def test_the_app_keeps_calls_as_long_as_the_parameters_say(app_settings: dict[str, str]) -> None:
    settings = calls.settings.load(resolve(app_settings))
    assert (settings.retention_days, settings.retention_days_incoming) == (365, -1)
    assert (settings.segment_days, settings.soft_delete_days) == (30, 7)


def test_deletions_can_be_reverted(deployed: Deployed) -> None:
    (blob_service,) = deployed("Microsoft.Storage/storageAccounts/blobServices")
    for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        assert blob_service["properties"][policy]["enabled"]
        assert blob_service["properties"][policy]["days"] >= 7


def test_only_the_console_may_read_audio_from_another_origin(deployed: Deployed) -> None:
    (blob_service,) = deployed("Microsoft.Storage/storageAccounts/blobServices")
    (app,) = deployed("Microsoft.Web/sites")
    (rule,) = blob_service["properties"]["cors"]["corsRules"]
    assert rule["allowedOrigins"] == [f"https://{app['name']}.azurewebsites.net"]
    assert rule["allowedMethods"] == ["GET", "HEAD"]


def test_function_app_runs_the_project_s_python(deployed: Deployed) -> None:
    (app,) = deployed("Microsoft.Web/sites")
    config = app["properties"]["functionAppConfig"]
    version = (bicep.FOLDER.parent / ".python-version").read_text().strip()
    assert config["runtime"] == {"name": "python", "version": version}
    assert "'app-package'" in config["deployment"]["storage"]["value"]
    assert app["properties"]["httpsOnly"] is True


def read_app_config(bicep_server: BicepServer, **variables: str) -> dict[str, Any]:
    """Return functionAppConfig of the function app, given variables of main.bicepparam."""
    resources = bicep_server.snapshot("main", **variables)["predictedResources"]
    (app,) = (r for r in resources if r["type"] == "Microsoft.Web/sites")
    config: dict[str, Any] = app["properties"]["functionAppConfig"]
    return config


def test_what_must_not_start_cold_is_always_ready(
    bicep_server: BicepServer, triggers: dict[str, dict[str, Any]]
) -> None:
    """Flex Consumption scales HTTP, blob events and every other function in groups of their own."""

    def list_groups(answer_calls: str) -> dict[str, int]:
        config = read_app_config(bicep_server, ANSWER_CALLS=answer_calls)
        groups = config["scaleAndConcurrency"]["alwaysReady"]
        return {group["name"]: group["instanceCount"] for group in groups}

    (incoming,) = (n for n, t in triggers.items() if t["type"] == "eventGridTrigger")
    assert list_groups("off") == {"blob": 1}
    assert list_groups("all") == {"blob": 1, "http": 1, f"function:{incoming}": 1}


def test_rolling_updates_are_a_choice(bicep_server: BicepServer) -> None:
    """A preview in Azure: by default, the property is not even sent."""
    assert "siteUpdateStrategy" not in read_app_config(bicep_server)
    compiled = json.dumps(bicep_server.build("main"))
    assert "createObject('siteUpdateStrategy', createObject('type', parameters(" in compiled
    text = (ROOT / "docs/azure.md").read_text()
    assert "updateStrategy: 'RollingUpdate'" in text


def test_registry_uses_the_permissions_that_acrpull_is_for(deployed: Deployed) -> None:
    (registry,) = deployed("Microsoft.ContainerRegistry/registries")
    assert registry["properties"]["roleAssignmentMode"] == "LegacyRegistryPermissions"


def test_the_host_finds_its_storage_by_name_and_by_address(
    deployed: Deployed, app_settings: dict[str, str]
) -> None:
    """Azure/azure-functions-host#11787: by its address alone, the host may not start."""
    (account,) = deployed("Microsoft.Storage/storageAccounts")
    assert app_settings["AzureWebJobsStorage__accountName"] == account["name"]
    for part in ("blobServiceUri", "queueServiceUri", "tableServiceUri"):
        assert f"AzureWebJobsStorage__{part}" in app_settings


def test_one_replica_is_the_default_and_none_is_refused(
    bicep_server: BicepServer, streamer_app: dict[str, Any]
) -> None:
    assert streamer_app["template"]["scale"]["minReplicas"] == 1
    parameter = bicep_server.build("streamer")["parameters"]["minReplicas"]
    assert parameter["minValue"] == 1, "an app that scales by CPU cannot scale to zero"


def test_all_ports_agree(
    streamer_app: dict[str, Any], container: dict[str, Any], streamer_settings: dict[str, str]
) -> None:
    dockerfile = Dockerfile.read()
    ports = {str(probe["httpGet"]["port"]) for probe in container["probes"]}
    ports |= {str(streamer_app["configuration"]["ingress"]["targetPort"])}
    ports |= {streamer_settings["PORT"], dockerfile.environment["PORT"]}
    ports |= {step.rest for step in dockerfile.of("EXPOSE")}
    assert len(ports) == 1


def test_probes_are_within_the_allowed_limits(container: dict[str, Any]) -> None:
    # https://learn.microsoft.com/rest/api/resource-manager/containerapps: ContainerAppProbe
    for probe in container["probes"]:
        assert 1 <= probe["failureThreshold"] <= 10, probe["type"]
        assert 1 <= probe["periodSeconds"] <= 240
        assert 1 <= probe["timeoutSeconds"] <= 240
        assert 1 <= probe.get("initialDelaySeconds", 1) <= 60


def test_ingress_allows_websockets_and_requires_tls(
    streamer_app: dict[str, Any],
) -> None:
    ingress = streamer_app["configuration"]["ingress"]
    assert ingress["external"] is True
    assert ingress["allowInsecure"] is False
    assert ingress["transport"] in ("http", "auto")


def test_drain_fits_into_the_grace_period(
    streamer_app: dict[str, Any], streamer_settings: dict[str, str]
) -> None:
    settings = streamer.settings.load(resolve(streamer_settings))
    # The wait for streams that do not end is as long as the one for uploads.
    needed = settings.drain_grace_seconds + 2 * settings.drain_upload_seconds
    needed += connection.CLOSE_TIMEOUT_SECONDS
    grace = streamer_app["template"]["terminationGracePeriodSeconds"]
    assert needed < grace <= 600


def test_pings_are_well_within_the_ingress_s_idle_timeout(
    streamer_settings: dict[str, str],
) -> None:
    settings = streamer.settings.load(resolve(streamer_settings))
    assert settings.ping_interval_seconds * 4 <= 240


def test_spool_is_a_volume_and_fits_the_replica_s_disk(
    streamer_app: dict[str, Any], container: dict[str, Any], streamer_settings: dict[str, str]
) -> None:
    (volume,) = streamer_app["template"]["volumes"]
    (mount,) = container["volumeMounts"]
    assert mount["volumeName"] == volume["name"]
    dockerfile = Dockerfile.read()
    spool = streamer_settings["SPOOL_DIR"]
    assert mount["mountPath"] == spool == dockerfile.environment["SPOOL_DIR"]
    assert [step.rest for step in dockerfile.of("VOLUME")] == [spool]
    # https://learn.microsoft.com/azure/container-apps/storage-mounts
    cpu = container["resources"]["cpu"]
    disk = next(gib for most, gib in ((0.25, 1), (0.5, 2), (1, 4), (4, 8)) if cpu <= most)
    assert int(streamer_settings["SPOOL_MAX_BYTES"]) <= 0.9 * disk * 2**30


def test_new_revision_does_not_end_calls(streamer_app: dict[str, Any]) -> None:
    assert streamer_app["configuration"]["activeRevisionsMode"] == "Multiple"
    scale = streamer_app["template"]["scale"]
    assert scale["minReplicas"] >= 1, "ACS does not wait for a replica to start"
    assert [rule["custom"]["type"] for rule in scale["rules"]] == ["cpu"]


def test_live_revision_keeps_the_traffic(bicep_server: BicepServer) -> None:
    snapshot = bicep_server.snapshot("streamer", STREAMER_LIVE_REVISION="ca-streamer--old")
    (app,) = snapshot["predictedResources"]
    assert app["properties"]["configuration"]["ingress"]["traffic"] == [
        {"revisionName": "ca-streamer--old", "weight": 100}
    ]


def test_transcription_deploys_a_speech_resource_without_keys(bicep_server: BicepServer) -> None:
    resources = bicep_server.snapshot("main", TRANSCRIPTION="azure")["predictedResources"]
    (speech,) = (r for r in resources if r["type"] == "Microsoft.CognitiveServices/accounts")
    assert speech["properties"]["disableLocalAuth"] is True
    assert speech["properties"]["customSubDomainName"] == speech["name"]
    assignments = (r for r in resources if r["type"].endswith("/roleAssignments"))
    (role,) = (r for r in assignments if assignment_scope(r) == speech["id"])
    # Cognitive Services Speech User
    assert role["properties"]["roleDefinitionId"].endswith("f2dc8367-1007-4938-bd23-fe263f013447")
    (settings,) = (r for r in resources if r["name"].endswith("/appsettings"))
    assert "speech" in settings["properties"]["SPEECH_ENDPOINT"]
    assert calls.settings.load(resolve(settings["properties"])).transcription == "azure"


def test_the_topic_takes_cloud_events_of_the_app_s_identity_and_of_nobody_else(
    bicep_server: BicepServer,
) -> None:
    resources = bicep_server.snapshot("main", EVENT_TOPIC="on")["predictedResources"]
    (topic,) = (r for r in resources if r["type"] == "Microsoft.EventGrid/topics")
    assert topic["properties"]["inputSchema"] == "CloudEventSchemaV1_0"
    assert topic["properties"]["disableLocalAuth"] is True
    assignments = (r for r in resources if r["type"].endswith("/roleAssignments"))
    (role,) = (r for r in assignments if assignment_scope(r) == topic["id"])
    # EventGrid Data Sender
    assert role["properties"]["roleDefinitionId"].endswith("d5a91429-5739-47e2-a06b-3470a27159e7")
    (settings,) = (r for r in resources if r["name"].endswith("/appsettings"))
    assert "outputs.endpoint" in settings["properties"]["EVENT_GRID_TOPIC_ENDPOINT"]
    loaded = calls.settings.load(resolve(settings["properties"]))
    assert loaded.has_subscribers


def test_there_is_no_topic_unless_it_is_asked_for(deployed: Deployed) -> None:
    assert deployed("Microsoft.EventGrid/topics") == []
    (settings,) = (
        r for r in deployed("Microsoft.Web/sites/config") if r["name"].endswith("appsettings")
    )
    assert "EVENT_GRID_TOPIC_ENDPOINT" not in settings["properties"]


def test_search_deploys_a_search_service_without_keys(bicep_server: BicepServer) -> None:
    resources = bicep_server.snapshot("main", SEARCH="azure")["predictedResources"]
    (search,) = (r for r in resources if r["type"] == "Microsoft.Search/searchServices")
    assert search["properties"]["disableLocalAuth"] is True
    assignments = (r for r in resources if r["type"].endswith("/roleAssignments"))
    on_search = [r["properties"] for r in assignments if assignment_scope(r) == search["id"]]
    assert sorted(role["roleDefinitionId"].rsplit("/", 1)[1] for role in on_search) == [
        "7ca78c08-252a-4471-8644-bb5ff32d4ba0",  # Search Service Contributor
        "8ebe5a00-799e-43f5-93ac-243d3dce84a7",  # Search Index Data Contributor
    ]
    (settings,) = (r for r in resources if r["name"].endswith("/appsettings"))
    loaded = calls.settings.load(resolve(settings["properties"]))
    assert loaded.search == "azure"
    # Its address is an output, which only Azure knows.
    assert "outputs.endpoint" in settings["properties"]["SEARCH_ENDPOINT"]


def test_names_are_valid(deployed: Deployed) -> None:
    limits = {
        "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
        "Microsoft.ContainerRegistry/registries": r"[a-zA-Z0-9]{5,50}",
        "Microsoft.App/containerApps": r"[a-z][a-z0-9-]{0,30}[a-z0-9]",
        "Microsoft.App/managedEnvironments": r"[a-z][a-z0-9-]{0,58}[a-z0-9]",
        "Microsoft.Web/sites": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
        "Microsoft.Communication/communicationServices": r"[a-zA-Z0-9-]{1,63}",
        "Microsoft.EventGrid/systemTopics": r"[a-zA-Z0-9-]{3,128}",
    }
    for kind, pattern in limits.items():
        resource_names = [resource["name"] for resource in deployed(kind)]
        assert resource_names
        for name in resource_names:
            assert re.fullmatch(pattern, name), name


def test_the_queues_of_the_functions_are_created(
    deployed: Deployed, functions: list[Any], triggers: dict[str, dict[str, Any]]
) -> None:
    created = {
        resource["name"].rsplit("/", 1)[1]
        for resource in deployed("Microsoft.Storage/storageAccounts/queueServices/queues")
    }
    outputs = {
        binding.get_dict_repr()["queueName"]
        for function in functions
        for binding in function.get_bindings()
        if binding.type == "queue"
    }
    listened = {trigger["queueName"] for trigger in triggers.values() if "queueName" in trigger}
    assert outputs == {TRANSCRIPTION_QUEUE, DELETION_QUEUE, ENDED_CALLS_QUEUE, EXPORT_QUEUE}
    queues = outputs | {DEADLINE_QUEUE, EVENT_QUEUE, DELIVERY_QUEUE}
    assert created == queues | {f"{queue}-poison" for queue in queues}
    # The blob triggers' poison queue is the host's own. Nobody listens to those of the deadlines
    # and of ended calls: the reconciler does what their messages have failed to do.
    unheard = {f"{DEADLINE_QUEUE}-poison", f"{ENDED_CALLS_QUEUE}-poison"}
    assert listened - {"webjobs-blobtrigger-poison"} == created - unheard
