"""What people see: lists, a call and its progress, as rich renders it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callaudio.cli.times import format_clock, format_length, format_time
from callaudio.generated.models.call import Call
from callaudio.generated.models.call_details import CallDetails
from callaudio.generated.models.talk import Talk

SHORT_ID = 8
"""So many characters of an id tell a user's calls apart; all commands accept them."""

_PHONE_PREFIX = "4:"
_BAR = 20
_WIDTH_OF_STATES = 72
_WIDTH_OF_ALL = 100
_STYLES = {
    **dict.fromkeys(("connected", "active", "final", "completed", "ok"), "green"),
    **dict.fromkeys(("connecting", "starting", "stopping", "recording", "processing"), "yellow"),
    **dict.fromkeys(("failed", "partial"), "red"),
    **dict.fromkeys(("disconnected", "inactive", "none", "off"), "dim"),
}


def clean(text: str) -> str:
    """Return text of others without what would control the terminal."""
    return "".join(
        character if character == "\n" or unicodedata.category(character)[0] != "C" else "�"
        for character in text
    )


def state(value: str) -> Text:
    """Return a state in its colour."""
    return Text(clean(value), style=_STYLES.get(value, ""))


def participant(call: Call | CallDetails, raw_id: str | None) -> str:
    """Return a participant's name and number, or what is known of it."""
    if raw_id is None:
        return "unknown"
    shown = raw_id.removeprefix(_PHONE_PREFIX)
    for key in (raw_id, _PHONE_PREFIX + raw_id):
        if key in call.names:
            return clean(f"{call.names[key]} ({shown})")
    return clean(shown)


def name(call: Call | CallDetails, raw_id: str | None) -> str:
    """Return a participant's name, or the number if there is none."""
    full = participant(call, raw_id)
    return full.rpartition(" (")[0] or full


def call_table(calls: Iterable[Call], *, width: int) -> Table:
    """Return the list of calls; a narrow terminal shows fewer columns, and none of them cut."""
    columns: list[tuple[str, int, Callable[[Call], RenderableType]]] = [
        ("CALL", 0, lambda call: call.call_connection_id[:SHORT_ID]),
        ("WHEN", 0, lambda call: format_time(call.created_at)),
        ("FROM → TO", 0, lambda call: Text(f"{name(call, call.from_)} → {name(call, call.to)}")),
        ("STATE", _WIDTH_OF_STATES, lambda call: state(call.state)),
        ("LENGTH", _WIDTH_OF_STATES, length),
        ("RESULT", _WIDTH_OF_ALL, lambda call: state(call.result_state)),
        ("TAGS", _WIDTH_OF_ALL, lambda call: Text(clean(", ".join(call.tags)))),
    ]
    shown = [column for column in columns if width >= column[1]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, _, _ in shown:
        # Only people and tags take a second line.
        is_free = title in ("FROM → TO", "TAGS")
        table.add_column(title, no_wrap=not is_free, overflow="fold" if is_free else "ellipsis")
    for call in calls:
        table.add_row(*(value(call) for _, _, value in shown))
    return table


def match_list(call: Call) -> Text:
    """Return a call that a search found: what was said, with what was searched for in bold."""
    title = f"{call.call_connection_id[:SHORT_ID]}  {format_time(call.created_at)}  "
    text = Text.assemble((title, "bold"), f"{name(call, call.from_)} → {name(call, call.to)}")
    for match in call.matches or []:
        speaker = match.name or participant(call, match.participant)
        said = Text(clean(match.text))
        for begin, end in match.ranges:
            said.stylize("bold yellow", begin, end)
        time = format_length(match.start_ms / 1000)
        text.append_text(Text.assemble(f"\n{time:>7}  ", (clean(speaker), "bold"), "  ", said))
    return text


def length(call: Call | CallDetails) -> str:
    """Return how long a call was connected; empty if it was not, or still is."""
    if call.connected_at is None or call.ended_at is None:
        return ""
    return format_length((call.ended_at - call.connected_at).total_seconds())


def call_details(call: CallDetails) -> RenderableType:
    """Return all that matters of a call."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")

    def add(name: str, value: RenderableType) -> None:
        if value:
            grid.add_row(name, value)

    add("call", call.call_connection_id)
    add("state", state(call.state))
    add("from", Text(participant(call, call.from_)))
    add("to", Text(participant(call, call.to)))
    add("placed", format_time(call.created_at))
    add("length", length(call))
    add("streaming", Text.assemble(state(call.streaming.state), _details(call)))
    add("result", Text.assemble(state(call.result_state), _reason(call)))
    if call.summary is not None:
        summary = call.summary
        streams = f"{summary.streams} stream{'s' if summary.streams != 1 else ''}"
        add("recording", f"{format_length(summary.duration_ms / 1000)}, {streams}")
        add("speech", f"{summary.speech_share:.0%}")
        add("lost audio", _milliseconds(summary.lost_ms) if summary.lost_ms else "none")
        for index, talk in enumerate(summary.talk):
            grid.add_row("talk" if index == 0 else "", _talk(call, talk))
    for pause in call.pauses:
        until = format_clock(pause.resumed_at) if pause.resumed_at else "the end"
        reason = f": {clean(pause.reason)}" if pause.reason else ""
        add("paused", Text(f"{format_clock(pause.paused_at)} to {until}{reason}"))
    if call.hold is not None:
        add("on hold", Text(clean(call.hold.reason)))
    add("tags", Text(clean(", ".join(call.tags))))
    add("notes", Text(clean(call.notes or "")))
    return grid


def progress_line(call: CallDetails) -> Text:
    """Return how a call goes, in one line."""
    segments = sum(len(stream.segments) for stream in call.streams) + len(call.landed_segments)
    return Text.assemble(
        (call.call_connection_id[:SHORT_ID], "bold"),
        "  ",
        state(call.state),
        "  streaming ",
        state(call.streaming.state),
        f"  {segments} segments  result ",
        state(call.result_state),
    )


def check_table(checks: Iterable[tuple[bool | None, str, str]]) -> RenderableType:
    """Return checks with their outcomes: passed, failed, or None for a warning."""
    marks = {True: Text("ok", "green"), False: Text("failed", "red"), None: Text("note", "yellow")}
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for outcome, name, text in checks:
        grid.add_row(marks[outcome], name, Text(clean(text)))
    return Group(grid)


def _talk(call: CallDetails, talk: Talk) -> Text:
    filled = round(talk.talk_share * _BAR)
    bar = "█" * filled + "░" * (_BAR - filled)
    return Text(f"{bar} {talk.talk_share:4.0%}  {participant(call, talk.participant)}")


def _details(call: CallDetails) -> Text:
    details = call.streaming.details
    return Text(f" ({clean(details)})" if details else "", "dim")


def _reason(call: CallDetails) -> Text:
    return Text(f" ({clean(call.result_reason)})" if call.result_reason else "", "dim")


def _milliseconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"
