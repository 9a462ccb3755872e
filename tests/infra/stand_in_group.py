"""The resources of the stand-in's resource group, as Azure Resource Manager describes them.

``state["in_place"]`` has, for each kind of resource that exists, the parameters with which it was
last deployed. Imported by the stand-in's programs: without the repository, and quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

GROUP_ID = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-calls"
TOKEN = "abc123"

TYPES = {
    "communication": ("Microsoft.Communication/communicationServices", f"acs-calls-{TOKEN}"),
    "storage": ("Microsoft.Storage/storageAccounts", f"stcalls{TOKEN}"),
    "app": ("Microsoft.Web/sites", f"func-calls-{TOKEN}"),
    "alerts": ("Microsoft.Insights/scheduledQueryRules", "frames-lost"),
    "actions": ("Microsoft.Insights/actionGroups", f"ag-calls-{TOKEN}"),
    "topic": ("Microsoft.EventGrid/systemTopics", f"evgt-calls-{TOKEN}"),
    "call_topic": ("Microsoft.EventGrid/systemTopics", f"evgt-incoming-{TOKEN}"),
}

FIRST_KINDS = ("communication", "storage")
"""What is there after a deployment that failed halfway."""

Parameters = dict[str, str]


def put_in_place(state: dict[str, Any], parameters: Parameters, kinds: tuple[str, ...]) -> None:
    """Deploy resources incrementally: resources that are not in the template any more stay."""
    optional = {
        "budget": parameters.get("monthlyBudget", "0") != "0",
        "locks": parameters.get("locks", "off") == "on",
        "immutability": parameters.get("immutableDays", "0") != "0",
        "actions": bool(parameters.get("alertEmail")),
        "sign_in": bool(parameters.get("signInClientId")),
        "call_topic": parameters.get("answerCalls", "off") != "off",
    }
    for kind in kinds:
        if optional.get(kind, True):
            state["in_place"][kind] = parameters


ALL_KINDS = (*TYPES, "budget", "locks", "immutability", "sign_in")


def list_resources(state: dict[str, Any]) -> list[dict[str, Any]]:
    """What ``az resource list`` has of each resource."""
    return [
        {
            "id": f"{GROUP_ID}/providers/{TYPES[kind][0]}/{name}",
            "type": TYPES[kind][0],
            "name": name,
            "location": "westeurope",
            "tags": {"azd-env-name": parameters.get("environmentName", "calls")},
        }
        for kind, parameters in state["in_place"].items()
        if kind in TYPES
        for name in [_name(kind, parameters)]
    ]


def _name(kind: str, parameters: Parameters) -> str:
    """A resource's name. A topic may have been there before, under another one."""
    adopted = {"topic": "storageTopic", "call_topic": "callTopic"}.get(kind, "")
    return parameters.get(adopted) or TYPES[kind][1]


def show(state: dict[str, Any], resource_id: str) -> dict[str, Any] | None:
    """What ``az resource show`` has of a resource; None if it does not exist."""
    for kind, parameters in state["in_place"].items():
        if resource_id.endswith(_end(kind, parameters)):
            return {"id": resource_id, "properties": RENDERERS[kind](parameters)}
    return None


def app_settings(state: dict[str, Any]) -> list[dict[str, str]]:
    """What ``az functionapp config appsettings list`` has."""
    parameters = state["in_place"].get("app", {})
    settings = {
        "ALLOWED_DESTINATIONS": parameters.get("allowedDestinations", ""),
        "ANSWER_CALLS": parameters.get("answerCalls", "off"),
        "CALLBACK_TOKEN_CHECK": parameters.get("acsTokenCheck", "learn"),
        "SEARCH": parameters.get("search", "off"),
        "FUNCTION_KEYS": parameters.get("functionKeys", ""),
        "AUTHENTICATION": "entra" if parameters.get("signInClientId") else "keys",
    }
    if parameters.get("eventTopic") == "on":
        settings["EVENT_GRID_TOPIC_ENDPOINT"] = "https://topic.example/api/events"
    if parameters.get("transcription") == "azure":
        settings["TRANSCRIPTION"] = "azure"
    return [{"name": name, "value": value} for name, value in settings.items()]


def _id(kind: str) -> str:
    return f"{GROUP_ID}/providers/{'/'.join(TYPES[kind])}"


def _end(kind: str, parameters: Parameters) -> str:
    ends = {
        "locks": "/locks/keep",
        "sign_in": "/config/authsettingsV2",
        "budget": "/Microsoft.Consumption/budgets/calls",
        "immutability": "/containers/recordings/immutabilityPolicies/default",
    }
    return ends.get(kind) or "/".join((TYPES[kind][0], _name(kind, parameters)))


def _storage(parameters: Parameters) -> dict[str, Any]:
    key = parameters.get("encryptionKeyUri", "")
    encryption: dict[str, Any] = {"keySource": "Microsoft.Storage"}
    if key:
        vault, _, name = key.partition("/keys/")
        encryption = {
            "identity": {"userAssignedIdentity": parameters["encryptionIdentityId"]},
            "keyvaultproperties": {"keyvaulturi": f"{vault}/", "keyname": name},
        }
    private = parameters.get("networking") == "private"
    return {
        "publicNetworkAccess": "Disabled" if private else "Enabled",
        "encryption": encryption,
    }


RENDERERS: dict[str, Callable[[Parameters], dict[str, Any]]] = {
    "communication": lambda parameters: {"dataLocation": parameters["dataLocation"]},
    "storage": _storage,
    "app": lambda _: {"defaultHostName": f"func-calls-{TOKEN}.azurewebsites.net"},
    "alerts": lambda parameters: {
        "actions": {"actionGroups": ["ag"] if parameters.get("alertEmail") else []}
    },
    "actions": lambda parameters: {"emailReceivers": [{"emailAddress": parameters["alertEmail"]}]},
    "topic": lambda _: {"source": _id("storage")},
    "call_topic": lambda _: {"source": _id("communication")},
    "locks": lambda _: {},
    "budget": lambda parameters: {
        "amount": float(parameters["monthlyBudget"]),
        "timePeriod": {"startDate": f"{parameters['budgetStart']}T00:00:00Z"},
    },
    "immutability": lambda parameters: {
        "immutabilityPeriodSinceCreationInDays": int(parameters["immutableDays"])
    },
    "sign_in": lambda parameters: {
        "identityProviders": {
            "azureActiveDirectory": {"registration": {"clientId": parameters["signInClientId"]}}
        }
    },
}
