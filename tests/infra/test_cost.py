"""``infra/cost``: its sums are those of docs/azure.md, and follow what is deployed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import streamer.settings
from infra import cost
from infra.prices import TABLE, Quote
from infra.shell import ROOT, StepFailed

from .conftest import Deployed

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

HOUR = ("--calls", "1", "--minutes", "60", "--offline", "--json")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The output of ``infra/cost --json``."""
    assert cost.main([*arguments]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def quantities(document: dict[str, Any]) -> dict[str, float]:
    """The quantity of each line."""
    return {line["item"]: line["quantity"] for line in document["lines"]}


def test_an_hour_a_day_costs_what_the_docs_say(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "azure.md").read_text()
    document = run(capsys, *HOUR, "--storage", "lrs", "--retention-days", "365")
    lines = {line["item"]: line["quantity"] * line["unit_price"] for line in document["lines"]}
    documented = dict(re.findall(r"^\| ([^|]+) \| [^|]+ \| (0\.\d+) \|$", text, re.MULTILINE))
    expected = {
        "audio streaming": lines["audio streaming"] / cost.DAYS,
        "the call itself, to a US number": lines["the calls themselves"] / cost.DAYS,
        "recording, kept for a year": lines["recordings"] / cost.DAYS,
        "segments, kept for a month": lines["segments"] / cost.DAYS,
    }
    for item, dollars in expected.items():
        # 0.23 GB is rounded, and so is a year of twelve months.
        assert dollars == pytest.approx(float(documented[item]), rel=0.02), item
    analyses = 240 * 2 * TABLE["flex"].dollars
    item = next(item for item in documented if item.startswith("analysis: 240 runs"))
    assert analyses == pytest.approx(float(documented[item]))


def test_idle_system_costs_what_the_docs_say(capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"\s+", " ", (ROOT / "docs" / "azure.md").read_text())
    lines = {
        line["item"]: line["cost"]
        for line in run(capsys, "--calls", "0", "--minutes", "1", "--offline", "--json")["lines"]
    }
    replica = lines["streamer, active vCPUs"] + lines["streamer, memory"]
    assert f"({replica:.0f} dollars in 730 hours)" in text
    assert f"{lines['function app, always-ready instances']:.0f} dollars in 730 hours" in text
    assert lines["recordings"] == lines["audio streaming"] == 0


def test_every_option_changes_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    plain = quantities(run(capsys, *HOUR))
    changes: dict[tuple[str, str], dict[str, float]] = {
        ("--channels", "mixed"): {"recordings": 0.5, "segments": 0.5},
        ("--replicas", "2"): {"streamer, active vCPUs": 2, "streamer, memory": 2},
        ("--vcpu", "2"): {"streamer, active vCPUs": 2},
        ("--always-ready", "3"): {"function app, always-ready instances": 3},
        ("--retention-days", "730"): {"recordings": 2},
        ("--segment-days", "60"): {"segments": 2},
        ("--segment-days", "0"): {"segments": 365 / 30},
        ("--calls", "2"): {"audio streaming": 2, "recordings": 2},
        ("--minutes", "30"): {"audio streaming": 0.5},
        ("--busy-hours", "12"): {"streamer, active vCPUs": 0.5, "streamer, memory": 1},
    }
    for arguments, factors in changes.items():
        changed = quantities(run(capsys, *HOUR, *arguments))
        for item, factor in factors.items():
            assert changed[item] == pytest.approx(plain[item] * factor), (arguments, item)
    options = ("--transcription", "--search", "--private", "--direction", "inbound")
    document = run(capsys, *HOUR, *options)
    added = quantities(document)
    assert added["transcription"] == pytest.approx(2 * cost.DAYS, rel=1e-3)
    assert {"NAT gateway", "private endpoints", "search service"} <= added.keys()
    (calls, *_) = document["lines"]
    assert calls["unit_price"] == TABLE["inbound"].dollars


def test_peak_of_the_busy_hours_needs_more_replicas(capsys: pytest.CaptureFixture[str]) -> None:
    busy = run(capsys, "--calls", "20000", "--minutes", "6", "--busy-hours", "8", *HOUR[4:])
    usage = cost.Usage(**busy["usage"])
    # 250 at once on average, three times that at the peak, 200 for each replica.
    assert cost.count_replicas(usage) == 4


def test_table_for_people_says_units_sources_and_the_total(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cost.main(["--calls", "100", "--minutes", "6", "--offline"]) == 0
    output = capsys.readouterr().out
    assert "US dollars a month" in output
    assert re.search(r"73\.00  audio streaming: 18,250\.0 minutes x 0\.004 \[table: 2024", output)
    assert re.search(r"^ +\d+\.\d\d  total$", output, re.MULTILINE)
    assert "The retail prices API was not used (not asked)" in output


def test_lines_use_listed_prices_and_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, *HOUR, "--private", "--transcription")
    assert document["total"] == pytest.approx(
        sum(line["quantity"] * line["unit_price"] for line in document["lines"]), abs=0.01
    )
    line = cost.Line("x", 10, "hours", "logs")
    assert line.dollars({"logs": Quote(2.5, "")}) == 25


@pytest.mark.parametrize(
    "arguments",
    [("--calls", "-1"), ("--busy-hours", "25"), ("--retention-days", "0"), ("--calls", "nan")],
)
def test_impossible_usage_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        cost.main([*HOUR, *arguments])


def test_defaults_are_those_of_the_parameter_files() -> None:
    assert cost.read_parameter("streamer", "minReplicas") == "1"
    assert cost.read_parameter("main", "storageSku") == "Standard_ZRS"
    with pytest.raises(StepFailed, match="no literal value of answerCalls"):
        cost.read_parameter("main", "answerCalls")


def test_timers_and_alerts_are_counted_right(
    triggers: dict[str, dict[str, Any]], deployed: Deployed
) -> None:
    a_day = {"*": 24 * 60, "*/5": 24 * 12, "2/5": 24 * 12}
    schedules = [t["schedule"] for t in triggers.values() if t["type"] == "timerTrigger"]
    minutes = [schedule.split()[1] for schedule in schedules]
    assert all(schedule.endswith(" * * * *") for schedule in schedules)
    expected = sum(a_day.get(minute) or _runs_of(minute) for minute in minutes)
    assert cost.count_timer_runs() == expected
    assert len(deployed("Microsoft.Insights/scheduledQueryRules")) == cost.LOG_ALERTS
    settings = streamer.settings.Settings()
    assert settings.segment_seconds == cost.SEGMENT_SECONDS


def _runs_of(minute: str) -> int:
    """Runs a day of a field of minutes: one an hour, or one every so many minutes."""
    return 24 if minute.isdigit() else 24 * 60 // int(minute.partition("/")[2])


def test_program_runs() -> None:
    assert (ROOT / "infra" / "cost").stat().st_mode & 0o111
