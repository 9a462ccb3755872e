"""Listing calls and showing one."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from callaudio.cli.render import call_details, call_table, clean
from callaudio.cli.session import CallArgument, JsonOption, ProfileOption, open_session
from callaudio.cli.times import format_length
from callaudio.generated.models.transcript import Transcript

_PAGE = 100


def list_calls(
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many calls.", min=1)] = 20,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All calls, without a limit.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """List calls, the newest first."""
    with open_session(profile, is_json=is_json) as session:
        size = _PAGE if everything else min(limit, _PAGE)
        calls = session.client.iterate_calls(limit=size)
        selected = islice(calls, None if everything else limit)
        if is_json:
            for call in selected:
                session.output.json(call.to_dict())
            return
        rows = list(selected)
        if not rows:
            session.output.note("no calls")
            return
        session.output.out.print(call_table(rows, width=session.output.out.width))


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
