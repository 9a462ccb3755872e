"""The last call, step by step through the logs, and what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from infra.findings import Finding, error, ok, warning
from infra.inventory import WORKSPACE
from infra.system import System

# Both programs' events; a new workspace lacks tables that nothing was logged to.
_EVENTS = (
    "let events = union isfuzzy=true "
    "(AppTraces | project TimeGenerated, text = Message), "
    "(ContainerAppConsoleLogs | project TimeGenerated, text = Log);"
)

LAST_CALL = f"""{_EVENTS}
let last = toscalar(events
  | where text has 'callback_event_recorded'
  | summarize arg_max(TimeGenerated, text)
  | project extract(@'call=(\\S+)', 1, text));
events
| where isnotempty(last) and text has last
| extend event = extract(@'([a-z_]+) call=', 1, text), type = extract(@'type=(\\w+)', 1, text)
| summarize count(), first = min(TimeGenerated), age_minutes = datetime_diff('minute', now(),
  max(TimeGenerated)) by event, type, call = last"""
"""The events of the call whose callback event came last."""

REFUSALS = f"""{_EVENTS}
events
| where text has_any ('handshake_refused', 'request_refused', 'handshake_warned', 'request_warned')
| extend event = extract(@'((?:handshake|request)_(?:refused|warned))', 1, text)
| extend reason = extract(@'reason=(\\S+)', 1, text)
| summarize count() by event, reason"""
"""Who was refused, or let in only because a check is set to warn."""

_PATIENCE_MINUTES = 15


class Stage(NamedTuple):
    """A step of a call's way.

    Attributes:
        event: The event that shows it.
        text: What it shows.
        failure: What is wrong without it.
        remedy: Where to look then.
    """

    event: str
    text: str
    failure: str
    remedy: str


STAGES = (
    Stage(
        "stream_opened",
        "ACS streamed its audio",
        "ACS did not reach the streamer, or was refused.",
        "See 'refusals' below: a refused handshake has its reason there. Without one, ACS did not "
        "come: see 'streamer' and STREAMER_URL in 'settings'; or nobody started streaming.",
    ),
    Stage(
        "stream_ended",
        "its stream ended",
        "its stream has not ended.",
        "See the streamer's log for stream_end_failed, and whether its replica was killed.",
    ),
    Stage(
        "segment_analysed",
        "its segments were analysed",
        "none of its segments was analysed.",
        "Uploads or events fail: see upload_failed in the streamer's log, 'subscriptions' and "
        "'deliveries'.",
    ),
    Stage(
        "call_assembled",
        "its recording was assembled",
        "its recording was not assembled.",
        "See GET /api/v1/failures, and 'deliveries'; the reconciler tries again in five minutes.",
    ),
)


def check_last_call(system: System) -> Iterator[Finding]:
    """Follow the last call of a week through the logs."""
    rows = _query(system, LAST_CALL, "P7D")
    if not rows:
        yield ok("no call within a week: place one, and ask again")
        return
    events = {row["event"] for row in rows}
    types = {row["type"] for row in rows if row["event"] == "callback_event_recorded"}
    call = rows[0]["call"]
    if "CallConnected" not in types:
        yield warning(
            f"The last call ({call}) was not connected: ACS reported {', '.join(sorted(types))}.",
            "Busy, not answered or refused by the network: GET /api/v1/calls/{id} has ACS's code.",
        )
        return
    age = min(int(row["age_minutes"]) for row in rows)
    if "CallDisconnected" not in types or age < _PATIENCE_MINUTES:
        yield ok(f"the last call ({call}) is going on, or ended a moment ago")
        return
    for stage in STAGES:
        if stage.event not in events:
            yield error(f"Of the last call ({call}), {stage.failure}", stage.remedy)
            return
    yield ok(f"the last call ({call}): {', '.join(stage.text for stage in STAGES)}")


def check_refusals(system: System) -> Iterator[Finding]:
    """Count who was refused within a day."""
    rows = _query(system, REFUSALS, "P1D")
    for row in sorted(rows, key=lambda row: (row["event"], row["reason"])):
        entrance, _, kind = row["event"].partition("_")
        verb = "refused" if kind == "refused" else "let in only because the check is set to warn"
        yield warning(
            f"{row['count_']} {entrance}s were {verb} within a day: {row['reason']}.",
            "A few are normal: anyone may try. If ACS's own are among them: docs/azure.md, "
            "'Monitor', has the queries, and SECURITY.md the checks.",
        )
    if not rows:
        yield ok("nobody was refused within a day")


def check_logs(system: System) -> Iterator[Finding]:
    """Look whether the workspace still takes logs."""
    workspace = system.resources.show(WORKSPACE)
    status = workspace["properties"]["workspaceCapping"].get("dataIngestionStatus")
    if status == "OverQuota":
        yield error(
            "The daily limit of logs is used up: until tomorrow, alerts see nothing.",
            "Raise logDailyGigabytes in infra/main.bicepparam, and run infra/deploy provision.",
        )
    else:
        yield ok("the Log Analytics workspace takes logs")


def _query(system: System, query: str, timespan: str) -> list[dict[str, Any]]:
    workspace = system.resources.show(WORKSPACE)
    rows: list[dict[str, Any]] | None = system.shell.query_az(
        *("monitor", "log-analytics", "query", "--timespan", timespan),
        *("--workspace", workspace["properties"]["customerId"], "--analytics-query", query),
    )
    return rows or []
