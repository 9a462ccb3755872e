"""The last call is followed through the logs, up to where it got lost."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import pytest

from infra.checks.calls import LAST_CALL, REFUSALS, STAGES
from infra.shell import ROOT
from tests.infra.conftest import Examine
from tests.infra.healthy import QUERY, WORKSPACE, last_call, shown

CALLS, TODAY = f"{QUERY} P7D", f"{QUERY} P1D"


def test_events_are_logged_with_their_fields() -> None:
    files = chain((ROOT / "calls").rglob("*.py"), (ROOT / "streamer").glob("*.py"))
    code = "".join(file.read_text() for file in files)
    for event in (*(stage.event for stage in STAGES), "callback_event_recorded"):
        # The query reads the call as the first field.
        assert re.search(rf'"{event}",(?: exc_info=None, \*\*fields|\s*call=)', code), event
        assert f'"{event}"' in code
    for event in re.findall(r"'((?:handshake|request)_\w+)'", REFUSALS):
        assert f'"{event}"' in code
    assert '"callback_event_recorded", call=call, type=event.name' in code
    assert 'fields = {"call": stream.call_connection_id' in code
    assert "callback_event_recorded" in LAST_CALL


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.event)
def test_call_is_followed_up_to_where_it_got_lost(examine: Examine, stage: Any) -> None:
    later = [s.event for s in STAGES[STAGES.index(stage) :]]
    ((level, text, remedy),) = examine({CALLS: last_call(*later)})["last-call"]
    assert level == "error"
    assert text == f"Of the last call (call-1), {stage.failure}"
    assert remedy == stage.remedy


def test_call_that_came_through_is_told_step_by_step(examine: Examine) -> None:
    ((level, text, _),) = examine()["last-call"]
    assert level == "ok"
    assert text.startswith("the last call (call-1): ACS streamed its audio, its stream ended")


@pytest.mark.parametrize(
    ("rows", "level", "text"),
    [
        ([], "ok", "no call within a week"),
        (last_call(types="CallConnected"), "ok", "is going on"),
        (last_call("call_assembled", age=3), "ok", "ended a moment ago"),
        (last_call(types="CreateCallFailed"), "warning", "ACS reported CreateCallFailed"),
    ],
)
def test_call_that_is_no_fault(examine: Examine, rows: Any, level: str, text: str) -> None:
    ((found, finding, _),) = examine({CALLS: rows})["last-call"]
    assert found == level
    assert text in finding


def test_refusals_are_counted_by_reason(examine: Examine) -> None:
    rows = [
        {"event": "request_refused", "reason": "unauthorized", "count_": "4"},
        {"event": "handshake_warned", "reason": "wrong_audience", "count_": "2"},
    ]
    findings = examine({TODAY: rows})["refusals"]
    assert [text for _, text, _ in findings] == [
        "2 handshakes were let in only because the check is set to warn within a day: "
        "wrong_audience.",
        "4 requests were refused within a day: unauthorized.",
    ]


def test_full_log_is_found(examine: Examine) -> None:
    workspace = {
        "properties": {
            "customerId": "w",
            "workspaceCapping": {"dataIngestionStatus": "OverQuota"},
        }
    }
    ((level, text, _),) = examine({shown(WORKSPACE): workspace})["logs"]
    assert level == "error"
    assert "daily limit" in text
