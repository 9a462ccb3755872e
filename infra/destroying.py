"""``infra/destroy``: the resource group and all that is in it, once its name has been typed."""

from __future__ import annotations

import argparse
import os
import sys

from infra.shell import Shell, StepFailed, say


def destroy(shell: Shell, group: str, typed: str | None) -> None:
    """Delete the group. ``typed`` is its name, typed beforehand. Raises StepFailed."""
    if not shell.ask("group", "exists", "--name", group):
        say(f"there is no resource group {group}: nothing to do")
        return
    query = ("--query", "[].[type, name, location]")
    resources = shell.ask("resource", "list", "--resource-group", group, *query)
    for kind, name, _ in resources:
        say(f"  {kind}  {name}")
    say("All of this goes, with every recording; phone numbers are given back.")
    if typed is None:
        if not sys.stdin.isatty():
            raise StepFailed("nobody is there to agree to it: use --group-to-delete")
        typed = input(f"Type the name of the resource group ({group}) to delete it: ")
    if typed.strip() != group:
        raise StepFailed("not agreed to: nothing was deleted")
    # These two are only put aside when a group goes, and hold on to their names for days.
    of_group = ("--resource-group", group)
    for kind, name, _ in resources:
        if kind == "Microsoft.OperationalInsights/workspaces":
            delete = ("monitor", "log-analytics", "workspace", "delete", "--force", "--yes")
            shell.az(*delete, "--workspace-name", name, *of_group)
    shell.az("group", "delete", "--name", group, "--yes")
    for kind, name, location in resources:
        if kind == "Microsoft.CognitiveServices/accounts":
            purge = ("cognitiveservices", "account", "purge", "--name", name)
            shell.az(*purge, "--location", location, *of_group)
    say(f"{group} is deleted")


def main(arguments: list[str] | None = None) -> int:
    """Ask, and delete. Returns 0 when all is gone, else 1."""
    env = os.environ
    parser = argparse.ArgumentParser(prog="infra/destroy", description=__doc__)
    parser.add_argument("--resource-group", default=env.get("AZURE_RESOURCE_GROUP") or "rg-calls")
    parser.add_argument("--subscription", default=env.get("AZURE_SUBSCRIPTION_ID") or "")
    parser.add_argument(
        "--group-to-delete",
        metavar="NAME",
        help="the group's name once more, where no one can type it",
    )
    given = parser.parse_args(arguments)
    try:
        destroy(Shell(given.subscription, 0), given.resource_group, given.group_to_delete)
    except StepFailed as error:
        print(f"infra/destroy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
