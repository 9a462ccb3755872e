"""Placing a call, pausing its recording, hanging up."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from callaudio.cli.outcome import CommandError, Exit
from callaudio.cli.render import SHORT_ID, participant
from callaudio.cli.session import CallArgument, JsonOption, ProfileOption, Session, open_session
from callaudio.cli.watching import follow
from callaudio.generated.models.announcement_request import AnnouncementRequest
from callaudio.generated.models.call import Call
from callaudio.generated.models.channels import Channels
from callaudio.generated.models.display_names import DisplayNames
from callaudio.generated.models.pause_call import PauseCall
from callaudio.generated.models.place_call import PlaceCall
from callaudio.generated.types import UNSET


def place(
    to: Annotated[str, typer.Argument(help="A phone number (+1555...), or a raw id.")],
    caller: Annotated[
        str | None,
        typer.Option("--from", help="Your caller id, for phone numbers.", envvar="CALLAUDIO_FROM"),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A participant's name, as +15551230000=Robin. Repeatable."),
    ] = None,
    channels: Annotated[
        Channels | None, typer.Option(help="One track for all, or one for each participant.")
    ] = None,
    locale: Annotated[
        list[str] | None, typer.Option(help="The language: en-US, or auto. Repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag. Repeatable.")] = None,
    notes: Annotated[str | None, typer.Option(help="Notes on the call.")] = None,
    announce: Annotated[
        str | None, typer.Option(help="What is said to all before the recording begins.")
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Where the app posts the call's events.")
    ] = None,
    retention_days: Annotated[
        int | None, typer.Option(help="How long to keep the call after its end.")
    ] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch it to its end.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Place a phone call and record it."""
    body = PlaceCall(
        to=to,
        from_=caller or UNSET,
        names=DisplayNames.from_dict(parse_names(name)) if name else UNSET,
        channels=channels or UNSET,
        locale=(locale[0] if len(locale) == 1 else locale) if locale else UNSET,
        tags=tag or UNSET,
        notes=notes or UNSET,
        announcement=AnnouncementRequest(text=announce) if announce else UNSET,
        webhook_url=webhook_url or UNSET,
        retention_days=retention_days if retention_days is not None else UNSET,
    )
    with open_session(profile, is_json=is_json) as session:
        call = session.client.place_call(body=body)
        short = call.call_connection_id[:SHORT_ID]
        text = f"placed the call {short} to {participant(call, to)}"
        session.output.show(call.to_dict(), Text(text))
        if watch:
            follow(session, call.call_connection_id, timeout=None)
        else:
            session.output.note(Text(f"callaudio watch {short}   callaudio hangup {short}", "dim"))


def pause(
    call: CallArgument,
    reason: Annotated[str | None, typer.Option(help="Why, in one line.")] = None,
    max_seconds: Annotated[
        int | None, typer.Option(help="Resume by itself after this time.")
    ] = None,
    *,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Pause the recording, for a card number for example."""
    body = PauseCall(
        reason=reason or UNSET, max_seconds=max_seconds if max_seconds is not None else UNSET
    )
    with open_session(profile, is_json=is_json) as session:
        changed = session.client.pause_call(session.find_call(call), body=body)
        _show_change(session, changed, "pausing the recording of")


def resume(
    call: CallArgument, *, profile: ProfileOption = None, is_json: JsonOption = False
) -> None:
    """Resume a paused recording."""
    with open_session(profile, is_json=is_json) as session:
        changed = session.client.resume_call(session.find_call(call))
        _show_change(session, changed, "resuming the recording of")


def hang_up(
    call: CallArgument, *, profile: ProfileOption = None, is_json: JsonOption = False
) -> None:
    """Hang up for everyone."""
    with open_session(profile, is_json=is_json) as session:
        call_id = session.find_call(call)
        session.client.hang_up(call_id)
        document = {"call_connection_id": call_id}
        session.output.show(document, Text(f"hung up the call {call_id[:SHORT_ID]}"))


def parse_names(pairs: list[str]) -> dict[str, str]:
    """Return names by number or raw id, of ``number=name``. Raises CommandError."""
    names: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key or not value:
            raise CommandError(
                f"--name {pair!r} is not a number or raw id, =, and a name", Exit.USAGE
            )
        names[key] = value
    return names


def _show_change(session: Session, call: Call, what: str) -> None:
    text = f"{what} the call {call.call_connection_id[:SHORT_ID]}"
    session.output.show(call.to_dict(), Text(text))
