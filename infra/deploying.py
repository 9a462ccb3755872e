"""``infra/deploy``: everything onto Azure. The order of steps, and what to do when one fails."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import NamedTuple

from infra.shell import Shell, StepFailed, say
from infra.steps import Deployment, Options


class Step(NamedTuple):
    """One step: what it says while it runs, and what to do when it fails."""

    says: str
    advice: str
    azd_does_it: bool = False


LOGS = "az containerapp logs show --name ca-streamer --resource-group GROUP --tail 100"
STEPS = {
    "check": Step("looking at tools and sign-in", "sign in: az login"),
    "providers": Step(
        "registering resource providers",
        "the subscription's owner must register them",
        azd_does_it=True,
    ),
    "group": Step("looking at the resource group", "give --location", azd_does_it=True),
    "preview": Step("what would change", "mend infra/ as the message says", azd_does_it=True),
    "provision": Step(
        "provisioning (minutes)",
        "read the message; Owner, or Contributor with User Access Administrator, is needed",
        azd_does_it=True,
    ),
    "image": Step(
        "building the streamer's image",
        "the build's log is above; TasksOperationsNotAllowed: not in a subscription on free credit",
    ),
    "streamer": Step("rolling the streamer out", f"the old revision goes on. Look at: {LOGS}"),
    "publish": Step(
        "publishing the function app (minutes)",
        "a 403 goes by itself in minutes; else the log stream of the app says why",
    ),
    "subscribe": Step(
        "subscribing the functions to their events", "a cold host: run it again in a minute"
    ),
    "smoke": Step(
        "trying it out", "what answered wrongly is named; look at the logs in the portal"
    ),
    "retire": Step("retiring old revisions", "az containerapp revision list shows them"),
    "addresses": Step("done", ""),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the steps. Returns 0 when all is deployed, 1 where a step failed."""
    given = _parser().parse_args(arguments)
    options = Options(given.resource_group, given.location, given.yes, given.azd)
    deployment = Deployment(Shell(given.subscription, given.pause_seconds), options)
    names = given.steps or [n for n, s in STEPS.items() if not (given.azd and s.azd_does_it)]
    for number, name in enumerate(names, 1):
        step = STEPS[name]
        say(f"[{number}/{len(names)}] {name}: {step.says}")
        started = time.monotonic()
        try:
            getattr(deployment, name)()
        except StepFailed as error:
            print(f"\ninfra/deploy stopped at the step '{name}': {error}", file=sys.stderr)
            print(f"What to do: {error.advice or step.advice}", file=sys.stderr)
            print("Then run it again: what is done is found done.", file=sys.stderr)
            return 1
        say(f"      {time.monotonic() - started:.0f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, STEPS))
    parser = argparse.ArgumentParser(
        prog="infra/deploy",
        description="Everything onto Azure. It can be run again at any time; given steps, it runs "
        "these alone.",
        epilog="steps, in order:\n"
        + "\n".join(f"  {n:{width}}  {s.says}" for n, s in STEPS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", choices=[*STEPS, []], help=argparse.SUPPRESS
    )
    env = os.environ
    parser.add_argument("--resource-group", default=env.get("AZURE_RESOURCE_GROUP") or "rg-calls")
    parser.add_argument("--location", default=env.get("AZURE_LOCATION") or "", help="Azure region")
    parser.add_argument("--subscription", default=env.get("AZURE_SUBSCRIPTION_ID") or "")
    parser.add_argument("--yes", action="store_true", help="agree to the changes beforehand")
    parser.add_argument(
        "--azd", action="store_true", help="azd provisions: names are in its variables"
    )
    parser.add_argument(
        "--pause-seconds", type=float, default=10.0, help="between looks at what is not ready yet"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
