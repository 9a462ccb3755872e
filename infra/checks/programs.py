"""Both programs: whether this version of them runs, and lets in whom it should."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

from infra.findings import Finding, error, ok, warning
from infra.image import image_name
from infra.probe import expect
from infra.shell import ROOT, StepFailed
from infra.smoke_test import smoke_checks
from infra.system import System


def check_code(system: System) -> Iterator[Finding]:
    """Look whether the app runs and has the functions of this version."""
    app = system.app()
    if app["properties"]["state"] != "Running":
        yield error(
            f"The function app is {app['properties']['state']}.",
            f"Run: az functionapp start --name {app['name']} --resource-group {system.group}",
        )
        return
    names = system.query(
        "functionapp", "function", "list", "--name", app["name"], "--query", "[].name"
    )
    existing = {name.rpartition("/")[2] for name in names}
    expected = read_function_names()
    if not existing:
        yield error(
            "The app has no functions: nothing was published, or the host cannot load the code.",
            "Run: infra/deploy publish; then look at the log stream in the portal.",
        )
    elif existing != expected:
        differing = ", ".join(sorted(existing ^ expected))
        yield warning(
            f"The app runs another version than this folder's: they differ in {differing}.",
            "Run: infra/deploy, or check out the version that is deployed.",
        )
    else:
        yield ok(f"the app has all {len(expected)} functions of this version")


def read_function_names() -> set[str]:
    """Return the names of the functions in ``functions/``."""
    text = "".join(file.read_text() for file in (ROOT / "functions").glob("*.py"))
    return set(re.findall(r"^@blueprint\.(?:.*\n)+?(?:async )?def (\w+)", text, re.MULTILINE))


def check_streamer(system: System) -> Iterator[Finding]:
    """Look whether a replica of this version runs and is ready."""
    streamer = system.streamer()
    image = streamer["properties"]["template"]["containers"][0]["image"].rpartition("/")[2]
    if image == image_name():
        yield ok(f"the streamer is of this version ({image})")
    else:
        yield warning(
            f"The streamer is of another version: {image} instead of {image_name()}.",
            "Run: infra/deploy image streamer retire, or check out the version that is deployed.",
        )
    revisions = system.query("containerapp", "revision", "list", "--name", streamer["name"])
    for revision in revisions:
        properties = revision["properties"]
        if not properties["active"] or not properties.get("trafficWeight"):
            continue
        if properties.get("runningState") in ("Failed", "Degraded", "ActivationFailed"):
            yield error(
                f"The revision {revision['name']} is {properties['runningState']}: "
                f"{properties.get('runningStateDetails') or properties.get('provisioningError')}.",
                f"az containerapp logs show --name {streamer['name']} --resource-group "
                f"{system.group} --type system --tail 100",
            )
        elif not properties.get("replicas"):
            yield error(
                f"The revision {revision['name']} has no replica: the first call would be lost.",
                "Set minReplicas in infra/streamer.bicepparam to 1 or more, and run infra/deploy "
                "image streamer.",
            )
        else:
            yield ok(f"{revision['name']} runs with {properties['replicas']} replica(s)")


def check_entrances(system: System) -> Iterator[Finding]:
    """Try both programs' addresses, with and without credentials."""
    credentials = system.credentials()
    for check in smoke_checks(system.app_url(), system.streamer_url(), credentials):
        try:
            check.run()
        except StepFailed as failure:
            yield error(f"Not so: {check.description}. {failure}", _entrance_remedy(str(failure)))
        else:
            yield ok(check.description)


def _entrance_remedy(failure: str) -> str:
    if " answered 401 instead of 200" in failure:
        return (
            "The key is refused. If the app has just started, wait a minute; else run "
            "infra/deploy keys."
        )
    if re.search(r" answered 5\d\d ", failure):
        return (
            "The program runs and fails. See 'roles' and 'settings' above, and the query "
            "'The first call, step by step' in docs/azure.md."
        )
    if " failed: " in failure:
        return "Nothing answers: see 'code' and 'streamer' above."
    return "It lets in whom it should refuse: take it off the network, and report it (SECURITY.md)."


def check_keys(system: System) -> Iterator[Finding]:
    """Compare the function keys with the digests that the app knows."""
    settings = system.settings()
    if settings.get("AUTHENTICATION") == "entra":
        yield ok("function keys open nothing: users and apps sign in with Entra ID")
        return
    entries = [entry.partition("=") for entry in settings.get("FUNCTION_KEYS", "").split(",")]
    known = {name.strip(): digest for name, _, digest in entries if digest}
    keys = system.query(
        "functionapp", "keys", "list", "--name", system.app_name(), "--query", "functionKeys"
    )
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in keys.items()}
    outdated = sorted(name for name, digest in known.items() if digests.get(name) != digest)
    for name in outdated:
        state = "was replaced" if name in digests else "was deleted"
        yield error(
            f"The function key {name} {state}, and the app has not been told.",
            "Run: infra/deploy keys",
        )
    if not outdated:
        yield ok(f"{len(known)} function keys have a role, and the app knows each")


def check_acs_tokens(system: System) -> Iterator[Finding]:
    """Ask the app what it has learnt of ACS's bearer tokens."""
    credentials = system.credentials(("Auditor", "Admin"))
    if credentials is None:
        raise StepFailed("az gets no token for the app.", "Sign in as a user with the role Admin.")
    health = json.loads(expect(200, "GET", f"{system.app_url()}/api/v1/health/acs", credentials))
    if health["check"] == "require":
        yield ok("ACS's tokens are required to be as documented")
    elif health["require_is_safe"]:
        yield warning(
            "ACS's tokens are as documented, but not required to be.",
            f"Run: {health['setting']} infra/deploy",
        )
    else:
        yield warning(
            "ACS's tokens are not required to be as documented.", " ".join(health["advice"])
        )
