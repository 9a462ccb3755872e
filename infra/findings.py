"""What ``infra/deploy doctor`` finds: whether something is right, and if not, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from infra.shell import StepFailed
from infra.system import System

Level = Literal["ok", "warning", "error", "unknown"]
"""``warning``: it works, but may not for long, or not as you think. ``unknown``: not checked."""


class Finding(NamedTuple):
    """One finding.

    Attributes:
        level: How bad it is.
        text: What is so, in a sentence.
        remedy: What to do; empty if nothing has to be done.
    """

    level: Level
    text: str
    remedy: str = ""


class Check(NamedTuple):
    """A check of a deployed system.

    Attributes:
        name: A word, for ``--json``.
        title: What it looks at.
        run: Yields its findings. Raises StepFailed if it cannot look.
    """

    name: str
    title: str
    run: Callable[[System], Iterator[Finding]]


def ok(text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding("ok", text)


def warning(text: str, remedy: str) -> Finding:
    """Return a finding that may become a fault."""
    return Finding("warning", text, remedy)


def error(text: str, remedy: str) -> Finding:
    """Return a finding of a fault."""
    return Finding("error", text, remedy)


def run_check(check: Check, system: System) -> list[Finding]:
    """Return a check's findings; of a check that failed, what it found until then, and why."""
    findings: list[Finding] = []
    try:
        findings.extend(check.run(system))
    except StepFailed as failure:
        reason = " ".join(str(failure).split())
        remedy = failure.advice or "You may lack the right to see it: Reader is the least."
        findings.append(Finding("unknown", f"could not be checked: {reason}", remedy))
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as failure:
        reason = f"Azure's answer has another shape than expected ({failure!r})"
        findings.append(
            Finding("unknown", f"could not be checked: {reason}", "Look at it in the portal.")
        )
    return findings
