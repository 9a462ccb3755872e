"""Tags and notes of a call."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from callaudio.cli.outcome import CommandError, Exit
from callaudio.cli.render import SHORT_ID, clean
from callaudio.cli.session import CallArgument, JsonOption, ProfileOption, open_session
from callaudio.generated.models.change_call import ChangeCall


def tag(
    call: CallArgument,
    tags: Annotated[list[str] | None, typer.Argument(help="Tags to add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", "-r", help="A tag to remove. Repeatable.")
    ] = None,
    *,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Add tags to a call and remove others; without any, show them."""
    with open_session(profile, is_json=is_json) as session:
        call_id = session.find_call(call)
        current = session.client.show_call(call_id).tags
        kept = [name for name in current if name not in (remove or [])]
        wanted = list(dict.fromkeys([*kept, *(tags or [])]))
        if wanted != current:
            changed = session.client.change_call(call_id, body=ChangeCall(tags=wanted))
            current = changed.tags
        document = {"call_connection_id": call_id, "tags": current}
        session.output.show(document, Text(clean(", ".join(current)) or "no tags"))


def note(
    call: CallArgument,
    text: Annotated[str | None, typer.Argument(help="The notes; they replace older ones.")] = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the notes.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Write notes on a call; without a text, show them."""
    if text and clear:
        raise CommandError("write a text, or --clear, not both", Exit.USAGE)
    with open_session(profile, is_json=is_json) as session:
        call_id = session.find_call(call)
        if text or clear:
            body = ChangeCall(notes=text or None)
            notes = session.client.change_call(call_id, body=body).notes
        else:
            notes = session.client.show_call(call_id).notes
        document = {"call_connection_id": call_id, "notes": notes}
        shown = clean(notes) if notes else f"no notes on the call {call_id[:SHORT_ID]}"
        session.output.show(document, Text(shown))
