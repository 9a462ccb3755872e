"""``infra/deploy``: deploys everything to Azure, step by step, with advice for each failure."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from infra.deployment import Options
from infra.doctor import diagnose
from infra.shell import Shell, StepFailed, report
from infra.steps import Steps


class Step(NamedTuple):
    """What a step reports, and what to do if it fails.

    Attributes:
        title: Shown while the step runs.
        advice: Shown if it fails; ``{group}`` stands for the resource group.
        done_by_azd: Whether azd itself does this step.
        optional: Whether it is done only if it is named.
    """

    title: str
    advice: str
    done_by_azd: bool = False
    optional: bool = False


STEPS = {
    "check": Step("checking tools, sign-in and what azd knows", "Sign in: az login"),
    "providers": Step(
        "registering resource providers",
        "Ask an Owner of the subscription to register them.",
        done_by_azd=True,
    ),
    "group": Step("checking the resource group", "Pass --location REGION.", done_by_azd=True),
    "preview": Step(
        "previewing the changes",
        "Correct the file in infra/ that the message names.",
        done_by_azd=True,
    ),
    "provision": Step(
        "provisioning resources (takes minutes)",
        "Read the message above: docs/azure.md, 'When something fails', has the common ones.",
        done_by_azd=True,
    ),
    "image": Step(
        "building the streamer's image",
        "See the build log above.",
    ),
    "streamer": Step(
        "deploying the streamer",
        "The previous revision keeps running. To see the log: az containerapp logs show "
        "--name ca-streamer --resource-group {group} --tail 100",
    ),
    "publish": Step(
        "publishing the function app (takes minutes)",
        "A 403 disappears within minutes. For any other error, see the app's log stream.",
    ),
    "subscribe": Step(
        "subscribing the functions to events",
        "The app may still be starting. Wait a minute.",
    ),
    "smoke": Step(
        "running the smoke test",
        "The message names the failed check. To find the cause: infra/deploy doctor "
        "--resource-group {group}",
    ),
    "retire": Step(
        "retiring old revisions",
        "To see the revisions: az containerapp revision list --name ca-streamer "
        "--resource-group {group}",
    ),
    "addresses": Step("printing the addresses", "Run infra/deploy provision first."),
    "keys": Step(
        "naming the function keys (only if you ask for it)",
        "The app must have been published: its host keeps the keys.",
        optional=True,
    ),
}


DOCTOR = "doctor"
"""The command that looks at a deployed system; it is not a step of a deployment."""


def main(
    arguments: list[str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    scheme: str = "https",
) -> int:
    """Run the steps. Returns 0 if all succeed, 1 if one fails.

    Args:
        arguments: The command line's; None: those of this process.
        sleep: Waits for so many seconds.
        scheme: Of the addresses that the doctor tries; ``http`` in tests.

    The doctor has exit codes of its own: see ``diagnose``.
    """
    options = _parse(arguments)
    shell = Shell(options.subscription, options.pause_seconds, sleep)
    if options.steps == [DOCTOR]:
        return diagnose(shell, options, scheme)
    steps = Steps(
        shell,
        Options(options.resource_group, options.location, options.yes, options.azd),
    )
    names = options.steps or [
        name
        for name, step in STEPS.items()
        if not step.optional and not (options.azd and step.done_by_azd)
    ]
    for number, name in enumerate(names, 1):
        report(f"[{number}/{len(names)}] {name}: {STEPS[name].title}")
        started = time.monotonic()
        try:
            getattr(steps, name)()
        except StepFailed as error:
            advice = error.advice or STEPS[name].advice.format(group=options.resource_group)
            print(f"\ninfra/deploy stopped at step '{name}': {error}", file=sys.stderr)
            print(f"What to do: {advice}", file=sys.stderr)
            print(
                "Then run infra/deploy again. It skips what is already in place.", file=sys.stderr
            )
            return 1
        report(f"      {time.monotonic() - started:.0f} s")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    width = max(map(len, STEPS))
    parser = argparse.ArgumentParser(
        prog="infra/deploy",
        description="Deploy everything to Azure, or run only the given steps. It can be repeated "
        "at any time.",
        epilog="steps, in order:\n"
        + "\n".join(f"  {name:{width}}  {step.title}" for name, step in STEPS.items())
        + f"\n\n{DOCTOR}, alone: says what is wrong with a deployed system, and what to do; "
        "exits with 0\nif all is well, 1 if something is wrong, 3 if something was not checked",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", choices=[*STEPS, DOCTOR, []], help=argparse.SUPPRESS
    )
    parser.add_argument("--json", action="store_true", help="with doctor: print JSON")
    env = os.environ
    parser.add_argument(
        "--resource-group",
        default=env.get("AZURE_RESOURCE_GROUP") or "rg-calls",
        help="default: AZURE_RESOURCE_GROUP, or rg-calls",
    )
    parser.add_argument(
        "--location",
        default=env.get("AZURE_LOCATION") or "",
        help="Azure region of a new resource group; default: AZURE_LOCATION",
    )
    parser.add_argument(
        "--subscription",
        default=env.get("AZURE_SUBSCRIPTION_ID") or "",
        help="name or id; default: AZURE_SUBSCRIPTION_ID, or az's own default",
    )
    parser.add_argument("--yes", action="store_true", help="agree to the changes in advance")
    parser.add_argument(
        "--azd",
        action="store_true",
        help="used by azure.yaml: azd provisions, and its environment has the outputs",
    )
    parser.add_argument(
        "--pause-seconds",
        type=float,
        help="pause between two attempts of what is not ready yet (default: 30 where a role "
        "assignment has to take effect, else 10 or 60)",
    )
    options = parser.parse_args(arguments)
    if DOCTOR in options.steps and options.steps != [DOCTOR]:
        parser.error(f"{DOCTOR} is not a step: run it alone")
    return options


if __name__ == "__main__":
    sys.exit(main())
