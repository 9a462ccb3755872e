"""What people see, at several widths."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest
from callaudio import Call, CallDetails
from callaudio.cli import render
from rich.console import Console, RenderableType

from tests.clients.python.callaudio.documents import call_details, example

ID = "401f2980-0b2e-4c4d-9e84-1a6a2f6f3b5e"
WHEN = datetime(2026, 3, 1, 9, 30).astimezone()
DOCUMENT: dict[str, Any] = call_details(
    call_connection_id=ID,
    created_at=WHEN.isoformat(),
    connected_at=WHEN.isoformat(),
    ended_at=WHEN.replace(minute=42).isoformat(),
    state="disconnected",
    result_state="final",
    to="+15551230000",
    **{"from": "+15559990000"},
    names={"4:+15551230000": "Robin Ray"},
    tags=["vip", "complaint"],
)


def text(renderable: RenderableType, width: int) -> list[str]:
    """What is on the screen, without colours and spaces at the end."""
    screen = io.StringIO()
    Console(file=screen, width=width, highlight=False).print(renderable)
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_a_wide_terminal_shows_all_columns() -> None:
    assert text(render.call_table([Call.from_dict(DOCUMENT)], width=120), 120) == [
        "CALL      WHEN              FROM → TO                 STATE         LENGTH  RESULT  TAGS",
        "401f2980  2026-03-01 09:30  +15559990000 → Robin Ray  disconnected  12:00   final   "
        "vip, complaint",
    ]


@pytest.mark.parametrize("width", [44, 60, 72, 80, 99, 100])
def test_a_narrow_one_shows_fewer_and_cuts_none(width: int) -> None:
    lines = text(render.call_table([Call.from_dict(DOCUMENT)], width=width), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    shown = " ".join(lines)
    for word in ("401f2980", "2026-03-01 09:30", "+15559990000", "Robin"):
        assert word in shown
    assert ("disconnected" in shown) == (width >= 72)
    assert ("complaint" in shown) == (width >= 100)


def test_a_call_is_shown_with_all_that_matters() -> None:
    talk = example("Talk") | {"participant": "4:+15551230000", "talk_share": 0.75}
    summary = example("Summary") | {"talk": [talk], "lost_ms": 1500.0}
    summary |= {"duration_ms": 61_000, "streams": 1}
    pause = {"paused_at": WHEN.isoformat(), "paused_by": None, "reason": "card payment"}
    pause |= {"resume_at": None, "resumed_at": None, "resumed_by": None}
    call = CallDetails.from_dict(DOCUMENT | {"summary": summary, "pauses": [pause], "notes": "n"})
    lines = text(render.call_details(call), 80)
    assert f"call        {ID}" in lines
    assert "to          Robin Ray (+15551230000)" in lines
    assert "recording   1:01, 1 stream" in lines
    assert "lost audio  1.50 s" in lines
    assert "talk        ███████████████░░░░░  75%  Robin Ray (+15551230000)" in lines
    assert "paused      09:30:00 to the end: card payment" in lines
    assert "tags        vip, complaint" in lines


def test_text_of_others_does_not_control_the_terminal() -> None:
    assert render.clean("a\x1b[2J\x9b\r\u202eb\nc") == "a�[2J���b\nc"
    hostile = DOCUMENT | {"names": {"4:+15551230000": "[red]\x1b]0;x\x07"}, "tags": ["[/]"]}
    lines = text(render.call_table([Call.from_dict(hostile)], width=120), 120)
    assert "[red]�]0;x�" in lines[1]
    assert "[/]" in lines[1]


def test_colours_say_how_it_is() -> None:
    assert render.state("final").style == "green"
    assert render.state("failed").style == "red"
    assert render.state("unheard-of").style == ""
    line = render.progress_line(CallDetails.from_dict(DOCUMENT))
    assert line.plain.startswith("401f2980  disconnected  streaming ")


def test_checks_have_marks() -> None:
    checks = [(True, "key", "Admin"), (False, "storage", "no answer"), (None, "clocks", "differ")]
    assert text(render.check_table(checks), 60) == [
        "ok      key      Admin",
        "failed  storage  no answer",
        "note    clocks   differ",
    ]
