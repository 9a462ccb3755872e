"""Listing calls and showing one."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import typer
from rich.text import Text

from callaudio.cli.render import call_details, call_table, clean, match_list
from callaudio.cli.session import CallArgument, JsonOption, ProfileOption, open_session
from callaudio.cli.times import format_length, parse_time
from callaudio.generated.models.call_state import CallState
from callaudio.generated.models.direction import Direction
from callaudio.generated.models.list_calls_sort import ListCallsSort
from callaudio.generated.models.result_state import ResultState
from callaudio.generated.models.transcript import Transcript

_PAGE = 100


def _check_time(text: str | None) -> str | None:
    if text:
        try:
            parse_time(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return text


def list_calls(
    participant: Annotated[
        str | None, typer.Option(help="A number, raw id or name of someone in the call.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="From this time on: 2026-03-01, today, 12h, 7d.", callback=_check_time),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Before this time.", callback=_check_time)
    ] = None,
    state: Annotated[CallState | None, typer.Option(help="The call's state.")] = None,
    result_state: Annotated[ResultState | None, typer.Option(help="The result's state.")] = None,
    direction: Annotated[Direction | None, typer.Option(help="Who called whom.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="With this tag. Repeatable.")] = None,
    min_duration: Annotated[int | None, typer.Option(help="At least so many seconds.")] = None,
    q: Annotated[
        str | None,
        typer.Option("--q", "-q", help='What was said: words, "phrases", beginnings*.'),
    ] = None,
    sort: Annotated[
        ListCallsSort | None, typer.Option(help="The order; `-` is descending.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many calls.", min=1)] = 20,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All calls, without a limit.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """List calls, the newest first."""
    options: dict[str, Any] = {
        "participant": participant,
        "from_": parse_time(since) if since else None,
        "until": parse_time(until) if until else None,
        "state": state,
        "result_state": result_state,
        "direction": direction,
        "tag": tag,
        "min_duration": min_duration,
        "q": q,
        "sort": sort,
    }
    filters = {name: value for name, value in options.items() if value not in (None, [])}
    with open_session(profile, is_json=is_json) as session:
        size = _PAGE if everything else min(limit, _PAGE)
        calls = session.client.iterate_calls(**filters, limit=size)
        selected = islice(calls, None if everything else limit)
        if is_json:
            for call in selected:
                session.output.json(call.to_dict())
            return
        rows = list(selected)
        if not rows:
            session.output.note("no calls")
            return
        if q is None:
            session.output.out.print(call_table(rows, width=session.output.out.width))
            return
        for call in rows:
            session.output.out.print(match_list(call))


def show(
    call: CallArgument,
    *,
    transcript: Annotated[bool, typer.Option("--transcript", "-t", help="What was said.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Show a call, or its transcript."""
    with open_session(profile, is_json=is_json) as session:
        call_id = session.find_call(call)
        if transcript:
            said = session.client.show_transcript(call_id)
            session.output.show(said.to_dict(), _transcript(said))
        else:
            details = session.client.show_call(call_id)
            session.output.show(details.to_dict(), call_details(details))


def _transcript(transcript: Transcript) -> Text:
    """Return a transcript as lines, one for each utterance."""
    if transcript.state != "complete":
        reason = f": {clean(transcript.error)}" if transcript.error else ""
        return Text(f"the transcript is {transcript.state}{reason}")
    text = Text()
    for utterance in transcript.utterances:
        speaker = str(utterance.name or utterance.participant or utterance.speaker or "")
        text.append(f"{format_length(utterance.start_ms / 1000):>7}  ", "dim")
        text.append(clean(speaker.removeprefix("4:")), "bold")
        text.append(f"  {clean(utterance.text)}\n")
    text.rstrip()
    return text
