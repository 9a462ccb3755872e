"""``infra/deploy doctor``: what is wrong with a deployed system, and what to do.

It only looks, and changes nothing. What it cannot look at, it says.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

from infra.checks.access import check_identities, check_roles
from infra.checks.calls import check_last_call, check_logs, check_refusals
from infra.checks.events import check_deliveries, check_subscriptions
from infra.checks.programs import (
    check_acs_tokens,
    check_code,
    check_entrances,
    check_keys,
    check_streamer,
)
from infra.checks.settings import check_settings
from infra.checks.surroundings import (
    check_quotas,
    check_region,
    check_resources,
    check_subscription,
    check_tools,
)
from infra.findings import Check, Finding, error, run_check
from infra.shell import Shell, StepFailed, report
from infra.system import System

CHECKS = (
    Check("tools", "the tools of this machine", check_tools),
    Check("subscription", "the subscription", check_subscription),
    Check("resources", "the resources", check_resources),
    Check("region", "the region", check_region),
    Check("quotas", "quotas", check_quotas),
    Check("identities", "the programs' identities", check_identities),
    Check("roles", "the identities' roles", check_roles),
    Check("settings", "the settings", check_settings),
    Check("code", "the function app", check_code),
    Check("streamer", "the streamer", check_streamer),
    Check("subscriptions", "event subscriptions", check_subscriptions),
    Check("deliveries", "deliveries of events", check_deliveries),
    Check("keys", "function keys", check_keys),
    Check("entrances", "the addresses", check_entrances),
    Check("acs-tokens", "ACS's bearer tokens", check_acs_tokens),
    Check("logs", "the logs", check_logs),
    Check("last-call", "the last call's way", check_last_call),
    Check("refusals", "who was refused", check_refusals),
)
"""All checks, in the order in which one fault explains the next."""

EXIT_ERROR, EXIT_UNKNOWN = 1, 3
"""Exit codes: something is wrong; nothing seems wrong, but not everything could be checked."""

_MARKS = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  ", "unknown": "UNKNOWN"}


def diagnose(shell: Shell, options: argparse.Namespace, scheme: str = "https") -> int:
    """Run the checks and print what they find.

    Args:
        shell: Runs az.
        options: ``resource_group``, and ``json``: whether to print JSON.
        scheme: Of the system's addresses; ``http`` in tests.

    Returns:
        0 if all is well, 1 if something is wrong, 3 if something could not be checked.
    """
    system = System(shell, options.resource_group, scheme)
    findings: dict[str, list[Finding]] = {}
    for check in CHECKS:
        if check.name == "resources" and (problem := _find_no_group(system)):
            findings[check.name] = [problem]
            _show(check, [problem], options)
            break
        findings[check.name] = run_check(check, system)
        _show(check, findings[check.name], options)
    levels: Counter[str] = Counter(
        finding.level for found in findings.values() for finding in found
    )
    if options.json:
        print(json.dumps(_document(findings, levels, options.resource_group), indent=2))
    else:
        report(
            f"\n{levels['error']} wrong, {levels['warning']} to look at, "
            f"{levels['unknown']} not checked, {levels['ok']} well."
        )
    if levels["error"]:
        return EXIT_ERROR
    return EXIT_UNKNOWN if levels["unknown"] else 0


def _find_no_group(system: System) -> Finding | None:
    """Return the finding that there is nothing to look at, or None."""
    try:
        if system.resources.group_exists():
            return None
    except StepFailed as failure:
        return Finding("unknown", str(failure), failure.advice or "Sign in: az login")
    return error(
        f"The resource group {system.group} does not exist.",
        "Pass --resource-group, or --subscription; or deploy: infra/deploy --location REGION",
    )


def _show(check: Check, findings: list[Finding], options: argparse.Namespace) -> None:
    if options.json:
        return
    report(f"{check.name}: {check.title}")
    for finding in findings:
        report(f"  {_MARKS[finding.level]} {finding.text}")
        if finding.remedy:
            report(f"          What to do: {finding.remedy}")


def _document(
    findings: dict[str, list[Finding]], levels: Counter[str], group: str
) -> dict[str, object]:
    return {
        "resource_group": group,
        "errors": levels["error"],
        "warnings": levels["warning"],
        "unknown": levels["unknown"],
        "findings": [
            {"check": name, **finding._asdict()}
            for name, found in findings.items()
            for finding in found
        ],
    }
