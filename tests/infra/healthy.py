"""What az answers about a healthy system: the shapes are those of Azure's documentation."""

from __future__ import annotations

import hashlib
from typing import Any

from infra.checks.access import GRANTS, read_roles
from infra.checks.programs import read_function_names
from infra.image import image_name
from infra.inventory import PREFIXES
from infra.system import FUNCTION_IDENTITY, STREAMER_IDENTITY

from .cloud import KEY
from .stand_in_group import GROUP_ID, TOKEN

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
TOPIC = "Microsoft.EventGrid/systemTopics"
WEBHOOK = "az eventgrid system-topic event-subscription"
QUERY = "az monitor log-analytics query"
METRICS = "az monitor metrics list"

Answers = dict[str, Any]


def name_of(resource_type: str) -> str:
    """A resource's name."""
    prefix = PREFIXES[resource_type]
    return f"{prefix}{TOKEN}" if prefix not in ("ca-streamer", "frames-lost") else prefix


def id_of(resource_type: str, name: str = "") -> str:
    """A resource's id."""
    return f"{GROUP_ID}/providers/{resource_type}/{name or name_of(resource_type)}"


def shown(resource_type: str, name: str = "") -> str:
    """The command that shows a resource."""
    return f"az resource show {id_of(resource_type, name)}"


APP = "Microsoft.Web/sites"
STREAMER = "Microsoft.App/containerApps"
STORAGE = "Microsoft.Storage/storageAccounts"
COMMUNICATION = "Microsoft.Communication/communicationServices"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
STORAGE_TOPIC, CALL_TOPIC = f"evgt-calls-{TOKEN}", f"evgt-incoming-{TOKEN}"
FUNCTION_ID = id_of(IDENTITY, f"{FUNCTION_IDENTITY}{TOKEN}")
STREAMER_ID = id_of(IDENTITY, f"{STREAMER_IDENTITY}{TOKEN}")
BLOB_KEY = "key-of-the-webhook"


def answers(host: str) -> Answers:
    """The answers about a healthy system that answers at a host."""
    return {
        "az account show": {"name": "Pay-As-You-Go", "id": "s", "state": "Enabled"},
        "az resource list": list_resources(),
        **show_resources(host),
        **show_programs(host),
        **show_events(host),
        "az functionapp list-flexconsumption-locations": ["West Europe", "northeurope"],
        "az functionapp list-flexconsumption-runtimes": ["3.12", "3.13"],
        "az containerapp list-usages": [usage("ManagedEnvironmentCount", 1, 15)],
        "az containerapp env list-usages": [usage("ManagedEnvironmentConsumptionCores", 2, 100)],
        "az rest": {"value": list_roles()},
        METRICS: metrics(),
        f"{QUERY} P7D": last_call(),
        f"{QUERY} P1D": [],
    }


def list_resources() -> list[dict[str, Any]]:
    """All resources, as they are listed."""
    names = [(kind, name_of(kind)) for kind in PREFIXES]
    names += [
        (IDENTITY, FUNCTION_ID.rpartition("/")[2]),
        (IDENTITY, STREAMER_ID.rpartition("/")[2]),
    ]
    names += [(TOPIC, STORAGE_TOPIC), (TOPIC, CALL_TOPIC)]
    return [
        {"id": id_of(kind, name), "type": kind, "name": name, "location": "westeurope", "tags": {}}
        for kind, name in names
    ]


def settings(host: str) -> dict[str, str]:
    """The function app's settings."""
    blob, queue, table = (f"https://stcalls.{part}.core/" for part in ("blob", "queue", "table"))
    return {
        "AzureWebJobsStorage__accountName": name_of(STORAGE),
        "AzureWebJobsStorage__blobServiceUri": blob,
        "AzureWebJobsStorage__queueServiceUri": queue,
        "AzureWebJobsStorage__tableServiceUri": table,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": "client-of-function",
        "AudioStorage__blobServiceUri": blob,
        "AudioStorage__queueServiceUri": queue,
        "AudioStorage__credential": "managedidentity",
        "AudioStorage__clientId": "client-of-function",
        "AZURE_CLIENT_ID": "client-of-function",
        "ACS_ENDPOINT": "https://acs.example",
        "ACS_TOKEN_AUDIENCE": "immutable-id",
        "CALLBACK_URL": f"http://{host}",
        "STREAMER_URL": f"ws://{host}",
        "ALLOWED_DESTINATIONS": "+49",
        "ANSWER_CALLS": "all",
        "AUTHENTICATION": "keys",
        "FUNCTION_KEYS": f"Admin={hashlib.sha256(KEY.encode()).hexdigest()}",
    }


def show_resources(host: str) -> Answers:
    """The resources that are looked at one by one."""
    entries = [{"name": name, "value": value} for name, value in settings(host).items()]
    endpoints = {part: f"https://stcalls.{part}.core/" for part in ("blob", "queue", "table")}
    return {
        f"az functionapp config appsettings list {name_of(APP)}": entries,
        shown(STORAGE): {
            "id": id_of(STORAGE),
            "name": name_of(STORAGE),
            "properties": {"primaryEndpoints": endpoints},
        },
        shown(COMMUNICATION): {
            "id": id_of(COMMUNICATION),
            "name": name_of(COMMUNICATION),
            "properties": {"hostName": "acs.example", "immutableResourceId": "immutable-id"},
        },
        f"az resource show {FUNCTION_ID}": identity(FUNCTION_ID, "function"),
        f"az resource show {STREAMER_ID}": identity(STREAMER_ID, "streamer"),
        shown(WORKSPACE): {
            "properties": {
                "customerId": "workspace",
                "workspaceCapping": {"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"},
            }
        },
    }


def show_programs(host: str) -> Answers:
    """The function app and the streamer."""
    variables = {
        "AUDIO_STORAGE_BLOB_SERVICE_URI": "https://stcalls.blob.core/",
        "ACS_TOKEN_AUDIENCE": "immutable-id",
        "AZURE_CLIENT_ID": "client-of-streamer",
    }
    container = {
        "image": f"crcalls.azurecr.io/{image_name()}",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return {
        shown(APP): {
            "id": id_of(APP),
            "name": name_of(APP),
            "location": "West Europe",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {FUNCTION_ID: {}}},
            "properties": {
                "state": "Running",
                "defaultHostName": host,
                "functionAppConfig": {"runtime": {"name": "python", "version": "3.13"}},
            },
        },
        shown(STREAMER): {
            "id": id_of(STREAMER),
            "name": "ca-streamer",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {STREAMER_ID: {}}},
            "properties": {
                "configuration": {"ingress": {"fqdn": host}},
                "template": {"containers": [container]},
            },
        },
        "az functionapp function list": [
            f"{name_of(APP)}/{function}" for function in sorted(read_function_names())
        ],
        "az containerapp revision list": [
            {
                "name": "ca-streamer--1",
                "properties": {
                    "active": True,
                    "trafficWeight": 100,
                    "replicas": 1,
                    "runningState": "RunningAtMaxScale",
                },
            }
        ],
        "az functionapp keys list functionKeys": {"Admin": KEY, "default": "another"},
        "az functionapp keys list systemKeys.blobs_extension": BLOB_KEY,
    }


def show_events(host: str) -> Answers:
    """The topics and their subscriptions."""
    answers: Answers = {}
    for topic, source in ((STORAGE_TOPIC, STORAGE), (CALL_TOPIC, COMMUNICATION)):
        topic_id = id_of(TOPIC, topic)
        answers[f"az resource show {topic_id}"] = {
            "id": topic_id,
            "name": topic,
            "properties": {"source": id_of(source)},
        }
    answers[f"{WEBHOOK} list {STORAGE_TOPIC}"] = [
        {"name": name, "provisioningState": "Succeeded"} for name in ("segments", "manifests")
    ]
    answers[f"{WEBHOOK} list {CALL_TOPIC}"] = [
        {"name": "incoming-calls", "provisioningState": "Succeeded"}
    ]
    for name, function in (("segments", "analyse_segment"), ("manifests", "assemble_call")):
        answers[f"{WEBHOOK} show {name}"] = {"destination": webhook(host, function, BLOB_KEY)}
    return answers


def webhook(host: str, function: str, key: str) -> dict[str, str]:
    """A subscription's destination, with its full URL."""
    path = f"runtime/webhooks/blobs?functionName=Host.Functions.{function}&code={key}"
    return {"endpointType": "WebHook", "endpointUrl": f"https://{host}/{path}"}


def identity(identity_id: str, program: str) -> dict[str, Any]:
    """A managed identity."""
    return {
        "id": identity_id,
        "name": identity_id.rpartition("/")[2],
        "properties": {"clientId": f"client-of-{program}", "principalId": f"principal-{program}"},
    }


def list_roles() -> list[dict[str, Any]]:
    """The role assignments of both identities."""
    roles = read_roles()
    definitions = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions"
    return [
        {
            "properties": {
                "principalId": f"principal-{grant.identity.split('-')[1]}",
                "roleDefinitionId": f"{definitions}/{roles.get(grant.role, 'custom')}",
                "scope": f"{id_of(grant.resource_type)}{grant.child}",
            }
        }
        for grant in GRANTS
    ]


def usage(name: str, current: float, limit: float) -> dict[str, Any]:
    """A quota and how much of it is used."""
    return {
        "name": {"value": name, "localizedValue": name},
        "currentValue": current,
        "limit": limit,
        "unit": "Count",
    }


def metrics(**counts: float) -> dict[str, Any]:
    """Event Grid's metrics of a day."""
    return {
        "value": [
            {"name": {"value": name}, "timeseries": [{"data": [{"total": count}, {"total": None}]}]}
            for name, count in counts.items()
        ]
    }


def last_call(*without: str, types: str = "CallConnected CallDisconnected", age: int = 60) -> Any:
    """The events of the last call in the logs, as a query answers: every value is a string."""
    events = ["stream_opened", "stream_ended", "segment_analysed", "call_assembled"]
    rows = [(event, "") for event in events if event not in without]
    rows += [("callback_event_recorded", kind) for kind in types.split()]
    return [
        {
            "TableName": "PrimaryResult",
            "event": event,
            "type": kind,
            "call": "call-1",
            "count_": "1",
            "first": "2026-11-26T06:00:00Z",
            "age_minutes": str(age),
        }
        for event, kind in rows
    ]
