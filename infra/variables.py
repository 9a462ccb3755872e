"""The variables that the parameter files read: what they are in a deployment that exists.

Without them, a second run of ``infra/deploy`` would remove alerts and transcripts, stop answering
calls, and try to move the data of ACS. The resources know best, whoever deployed them: this
program, azd or another machine. Where a resource does not say, the last deployment does. Where
both differ and neither is certainly right, nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from infra.inventory import (
    ACTION_GROUP,
    COMMUNICATION,
    FUNCTION_APP,
    LOG_ALERT,
    STORAGE,
    SYSTEM_TOPIC,
    Resources,
)
from infra.shell import ROOT, StepFailed

LIVE_REVISION = "STREAMER_LIVE_REVISION"
"""Not a setting, although it has a default: ``infra/deploy`` finds the revision."""


class Variable(NamedTuple):
    """A variable that a parameter file reads, with the parameter's name and default."""

    name: str
    parameter: str
    default: str


class Source(NamedTuple):
    """Where the value of a variable is found.

    Attributes:
        place: What has the value, for people.
        read: Returns the value, or None if the resource that would have it does not exist.
        fixed: Whether Azure refuses to change it: the resource is right, whatever was asked for.
        optional: Whether the resource exists only if the variable is set.
    """

    place: str
    read: Callable[[Resources], str | None]
    fixed: bool = False
    optional: bool = False


class Record(NamedTuple):
    """A deployment of ``main.bicep``, under whatever name.

    Attributes:
        name: The deployment's name: ``main``, or azd's.
        succeeded: Whether it succeeded.
        parameters: The values of its parameters.
        outputs: Its outputs, with names in upper case; none if it failed.
    """

    name: str
    succeeded: bool
    parameters: dict[str, str]
    outputs: dict[str, str]


def list_variables(*templates: str) -> list[Variable]:
    """Return the variables with a default that the parameter files of some templates read."""
    pattern = r"^param (\w+) = (?:int\()?readEnvironmentVariable\('(\w+)', '(.*?)'\)"
    by_name: dict[str, Variable] = {}
    for template in templates:
        text = (ROOT / "infra" / f"{template}.bicepparam").read_text()
        for parameter, name, default in re.findall(pattern, text, re.MULTILINE):
            if name != LIVE_REVISION:
                by_name.setdefault(name, Variable(name, parameter, default))
    return list(by_name.values())


def find_values(
    variables: list[Variable], resources: Resources, record: Record | None
) -> dict[str, str]:
    """Return the values that variables have in a deployment, by variable.

    Args:
        variables: The variables to find.
        resources: The resources that exist.
        record: The last deployment of ``main.bicep``, if Azure still knows one.

    Raises:
        StepFailed: It is not certain what a variable should be; or az failed.
    """
    if record is None and not _is_deployed(resources):
        return {}
    values: dict[str, str] = {}
    doubts: list[tuple[str, str, list[str]]] = []
    for variable in variables:
        source = SOURCES.get(variable.name)
        actual = _read(variable, source, resources) if source else None
        requested = record.parameters.get(variable.parameter) if record else None
        value, doubt = _decide(source, actual, requested, record)
        if doubt:
            doubts.append((variable.name, doubt, [v for v in (requested, actual) if v is not None]))
        elif value is not None:
            values[variable.name] = value
    if doubts:
        _raise_doubts(doubts)
    return values


def _read(variable: Variable, source: Source, resources: Resources) -> str | None:
    """Return what a source says. Raises StepFailed if it is not as documented."""
    try:
        return source.read(resources)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise StepFailed(
            f"What Azure says of {source.place} has another shape than expected: {error!r}.",
            f"Set the variable to what it should be: {variable.name}='...' infra/deploy",
        ) from error


def _decide(
    source: Source | None,
    actual: str | None,
    requested: str | None,
    record: Record | None,
) -> tuple[str | None, str]:
    """Return a variable's value, or None for its default; and why it is in doubt, if it is."""
    if actual is None:
        if requested is None and record is None and not (source and source.optional):
            return None, "no resource has it, and Azure knows no deployment of it any more"
        return requested, ""
    certain = source is None or source.fixed or record is None or record.succeeded
    if certain or requested is None or requested == actual:
        return actual, ""
    place = source.place if source else ""
    return None, f"the last deployment failed with {requested!r}; {place} has {actual!r}"


def _raise_doubts(doubts: list[tuple[str, str, list[str]]]) -> None:
    lines = [f"  {name}: {doubt}" for name, doubt, _ in doubts]
    examples = " ".join(f"{name}='{(choices or ['...'])[0]}'" for name, _, choices in doubts)
    raise StepFailed(
        "It is not certain what these variables should be:\n" + "\n".join(lines),
        f"Set each of them once (an empty string clears it), for example: {examples} infra/deploy",
    )


def _is_deployed(resources: Resources) -> bool:
    return any(resources.find(kind) for kind in (FUNCTION_APP, COMMUNICATION, STORAGE))


def _setting(name: str) -> Callable[[Resources], str | None]:
    def read(resources: Resources) -> str | None:
        settings = resources.app_settings()
        return None if not settings else settings.get(name)

    return read


def _property(
    resource_type: str, get: Callable[[dict[str, Any]], str | None]
) -> Callable[[Resources], str | None]:
    def read(resources: Resources) -> str | None:
        resource = resources.show(resource_type)
        return None if resource is None else get(resource["properties"])

    return read


def _environment_name(resources: Resources) -> str | None:
    app = resources.find(FUNCTION_APP) or resources.find(STORAGE)
    return None if app is None else (app["tags"] or {}).get("azd-env-name")


def _transcription(resources: Resources) -> str | None:
    settings = resources.app_settings()
    if not settings:
        return None
    return "azure" if settings.get("TRANSCRIPTION") == "azure" else "off"


def _event_topic(resources: Resources) -> str | None:
    settings = resources.app_settings()
    if not settings:
        return None
    return "on" if settings.get("EVENT_GRID_TOPIC_ENDPOINT") else "off"


def _sign_in(resources: Resources) -> str | None:
    settings = resources.app_settings()
    if not settings:
        return None
    if settings.get("AUTHENTICATION") != "entra":
        return ""
    sign_in = resources.show(FUNCTION_APP, "/config/authsettingsV2")
    providers = sign_in["properties"]["identityProviders"] if sign_in else {}
    client_id = providers.get("azureActiveDirectory", {}).get("registration", {}).get("clientId")
    return client_id or None


def _key_uri(storage: dict[str, Any]) -> str:
    key = (storage.get("encryption") or {}).get("keyvaultproperties") or {}
    if not key.get("keyname"):
        return ""
    parts = [key["keyvaulturi"].rstrip("/"), "keys", key["keyname"], key.get("keyversion") or ""]
    return "/".join(part for part in parts if part)


def _key_identity(storage: dict[str, Any]) -> str:
    identity = (storage.get("encryption") or {}).get("identity") or {}
    return identity.get("userAssignedIdentity") or ""


def _locks(resources: Resources) -> str | None:
    return "on" if resources.list_all() and "keep" in resources.lock_names() else None


def _immutable_days(resources: Resources) -> str | None:
    policy = resources.show(
        STORAGE, "/blobServices/default/containers/recordings/immutabilityPolicies/default"
    )
    days = policy["properties"].get("immutabilityPeriodSinceCreationInDays") if policy else None
    return str(days) if days else None


def _alert_email(resources: Resources) -> str | None:
    rule = resources.show(LOG_ALERT)
    if rule is None:
        return None
    # The action group outlives its use: what counts is whether an alert notifies it.
    if not (rule["properties"].get("actions") or {}).get("actionGroups"):
        return ""
    group = resources.show(ACTION_GROUP)
    receivers = group["properties"].get("emailReceivers") if group else None
    return receivers[0]["emailAddress"] if receivers else None


def _topic(source_type: str, own_prefix: str) -> Callable[[Resources], str | None]:
    """The name of the system topic of a source; empty if it is the templates' own."""

    def read(resources: Resources) -> str | None:
        source = resources.find(source_type)
        for topic in resources.list_type(SYSTEM_TOPIC):
            properties = (resources.show_id(topic["id"]) or {}).get("properties", {})
            if source and properties.get("source", "").lower() == source["id"].lower():
                return "" if topic["name"].startswith(own_prefix) else str(topic["name"])
        return None

    return read


def _budget(get: Callable[[dict[str, Any]], str]) -> Callable[[Resources], str | None]:
    def read(resources: Resources) -> str | None:
        if not resources.group_id():
            return None
        budget = resources.show_id(
            f"{resources.group_id()}/providers/Microsoft.Consumption/budgets/calls"
        )
        return None if budget is None else get(budget["properties"])

    return read


SOURCES: dict[str, Source] = {
    "AZURE_ENV_NAME": Source("the tag azd-env-name", _environment_name),
    "ACS_DATA_LOCATION": Source(
        "the ACS resource",
        _property(COMMUNICATION, lambda properties: properties["dataLocation"]),
        fixed=True,
    ),
    "NETWORKING": Source(
        "the storage account",
        _property(
            STORAGE,
            lambda properties: (
                "private" if properties.get("publicNetworkAccess") == "Disabled" else "public"
            ),
        ),
        fixed=True,
    ),
    "ENCRYPTION_KEY_URI": Source("the storage account", _property(STORAGE, _key_uri)),
    "ENCRYPTION_IDENTITY_ID": Source("the storage account", _property(STORAGE, _key_identity)),
    "LOCKS": Source("the resource group's locks", _locks, optional=True),
    "IMMUTABLE_DAYS": Source("the container recordings", _immutable_days, optional=True),
    "FUNCTION_KEYS": Source("the app setting", _setting("FUNCTION_KEYS")),
    "SIGN_IN_CLIENT_ID": Source("App Service Authentication", _sign_in),
    "ALLOWED_DESTINATIONS": Source("the app setting", _setting("ALLOWED_DESTINATIONS")),
    "ACS_TOKEN_CHECK": Source("the app setting", _setting("CALLBACK_TOKEN_CHECK")),
    "ANSWER_CALLS": Source("the app setting", _setting("ANSWER_CALLS")),
    "STORAGE_TOPIC": Source(
        "the storage account's system topic", _topic(STORAGE, "evgt-calls-"), optional=True
    ),
    "CALL_TOPIC": Source(
        "the ACS resource's system topic", _topic(COMMUNICATION, "evgt-incoming-"), optional=True
    ),
    "EVENT_TOPIC": Source("the app setting", _event_topic),
    "TRANSCRIPTION": Source("the app setting", _transcription),
    "SEARCH": Source("the app setting", _setting("SEARCH")),
    "ALERT_EMAIL": Source("the alerts' action group", _alert_email),
    "MONTHLY_BUDGET": Source(
        "the budget",
        _budget(lambda properties: str(round(properties["amount"]))),
        optional=True,
    ),
    "BUDGET_START": Source(
        "the budget",
        _budget(lambda properties: properties["timePeriod"]["startDate"][:10]),
        fixed=True,
        optional=True,
    ),
}
"""Where each variable's value is found. Any other is in the record of a deployment only."""
