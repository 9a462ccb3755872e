"""What a check has found before it fails is kept."""

from __future__ import annotations

from collections.abc import Iterator

from infra.findings import Check, Finding, error, ok, run_check, warning
from infra.shell import Shell, StepFailed
from infra.system import System


def test_findings_before_a_failure_are_kept() -> None:
    def run(_: System) -> Iterator[Finding]:
        yield ok("one")
        yield error("two", "repair it")
        yield warning("three", "look at it")
        raise StepFailed("no right\nto see it", "ask for it")

    findings = run_check(Check("name", "title", run), System(Shell(""), "rg"))
    assert findings == [
        ("ok", "one", ""),
        ("error", "two", "repair it"),
        ("warning", "three", "look at it"),
        ("unknown", "could not be checked: no right to see it", "ask for it"),
    ]
