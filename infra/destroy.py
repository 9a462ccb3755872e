"""``infra/destroy``: deletes the resource group and everything in it, once its name is typed."""

from __future__ import annotations

import argparse
import os
import sys

from infra.shell import Shell, StepFailed, report


def destroy(shell: Shell, group: str, typed_name: str | None) -> None:
    """Delete the resource group.

    Args:
        shell: Runs az.
        group: Name of the resource group.
        typed_name: The name typed again, to confirm; None to ask for it.

    Raises:
        StepFailed: A command failed, or the deletion was not confirmed.
    """
    if not shell.query_az("group", "exists", "--name", group):
        report(f"The resource group {group} does not exist; there is nothing to do.")
        return
    in_group = ("--resource-group", group)
    list_resources = ("resource", "list", *in_group, "--query", "[].[type, name, location]")
    resources = shell.query_az(*list_resources)
    for resource_type, name, _ in resources:
        report(f"  {resource_type}  {name}")
    report("All of these are deleted, with every recording. Phone numbers are released.")
    if typed_name is None:
        typed_name = _ask_name(group)
    if typed_name.strip() != group:
        raise StepFailed("Not confirmed; nothing was deleted.")
    # Deleting the group only soft-deletes workspaces and accounts, which keeps their names in use.
    for resource_type, name, _ in resources:
        if resource_type == "Microsoft.OperationalInsights/workspaces":
            delete = ("monitor", "log-analytics", "workspace", "delete", "--force", "--yes")
            shell.run_az(*delete, "--workspace-name", name, *in_group)
    shell.run_az("group", "delete", "--name", group, "--yes")
    for resource_type, name, location in resources:
        if resource_type == "Microsoft.CognitiveServices/accounts":
            purge = ("cognitiveservices", "account", "purge", "--name", name)
            shell.run_az(*purge, "--location", location, *in_group)
    report(f"The resource group {group} is deleted.")


def _ask_name(group: str) -> str:
    if not sys.stdin.isatty():
        raise StepFailed(
            "This needs a confirmation, but standard input is not a terminal: "
            "use --group-to-delete."
        )
    return input(f"Type the name of the resource group ({group}) to delete it: ")


def main(arguments: list[str] | None = None) -> int:
    """Ask, and delete. Returns 0 if the group no longer exists, else 1."""
    env = os.environ
    parser = argparse.ArgumentParser(
        prog="infra/destroy",
        description="Delete the resource group and everything in it, once its name is typed.",
    )
    parser.add_argument(
        "--resource-group",
        default=env.get("AZURE_RESOURCE_GROUP") or "rg-calls",
        help="default: AZURE_RESOURCE_GROUP, or rg-calls",
    )
    parser.add_argument(
        "--subscription",
        default=env.get("AZURE_SUBSCRIPTION_ID") or "",
        help="name or id; default: AZURE_SUBSCRIPTION_ID, or az's own default",
    )
    parser.add_argument(
        "--group-to-delete",
        metavar="NAME",
        help="the resource group's name again, instead of typing it",
    )
    options = parser.parse_args(arguments)
    shell = Shell(options.subscription, pause_seconds=0)
    try:
        destroy(shell, options.resource_group, options.group_to_delete)
    except StepFailed as error:
        print(f"infra/destroy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
