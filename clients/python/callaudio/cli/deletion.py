"""Deleting calls, with a receipt."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.text import Text

from callaudio.cli.outcome import CommandError, Exit
from callaudio.cli.render import SHORT_ID, participant
from callaudio.cli.session import JsonOption, ProfileOption, Session, open_session
from callaudio.cli.times import format_time
from callaudio.generated.models.deletion import Deletion

_WAIT_SECONDS = 600.0
_INTERVAL_SECONDS = 1.0


def delete(
    calls: Annotated[list[str], typer.Argument(metavar="CALL...", help="The calls to delete.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    hangup: Annotated[bool, typer.Option("--hangup", help="Hang up calls that go on.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Delete calls and all that is stored of them, for good."""
    with open_session(profile, is_json=is_json) as session:
        call_ids = [session.find_call(call) for call in calls]
        if not yes:
            _confirm(session, call_ids)
        for call_id in call_ids:
            deletion = session.client.delete_call(call_id, hangup=hangup)
            deletion = _wait_for_receipt(session, deletion)
            count = sum(blobs.count for blobs in deletion.deleted)
            text = f"deleted the call {call_id[:SHORT_ID]}: {count} files, receipt {deletion.id}"
            session.output.show(deletion.to_dict(), Text(text))


def _confirm(session: Session, call_ids: list[str]) -> None:
    """Ask whether to delete. Raises CommandError if nobody can answer, typer.Abort for no."""
    if not _is_attended():
        raise CommandError("nobody is here to confirm the deletion; use --yes", Exit.USAGE)
    for call_id in call_ids:
        call = session.client.show_call(call_id)
        parties = f"{participant(call, call.from_)} → {participant(call, call.to)}"
        text = f"{call_id[:SHORT_ID]}  {format_time(call.created_at)}  {parties}"
        session.output.err.print(Text(text))
    number = "this call" if len(call_ids) == 1 else f"these {len(call_ids)} calls"
    typer.confirm(f"Delete {number} for good?", abort=True, err=True)


def _is_attended() -> bool:
    return sys.stdin.isatty()


def _wait_for_receipt(session: Session, deletion: Deletion) -> Deletion:
    """Wait until a deletion is completed. Raises CommandError, ProblemError."""
    ends_at = time.monotonic() + _WAIT_SECONDS
    with session.output.err.status("deleting ..."):
        while deletion.state == "running":
            if time.monotonic() > ends_at:
                raise CommandError(f"the deletion {deletion.id} is still running", Exit.TIMEOUT)
            time.sleep(_INTERVAL_SECONDS)
            deletion = session.client.show_deletion(deletion.id)
    if deletion.state != "completed":
        raise CommandError(
            f"the deletion {deletion.id} is {deletion.state}: a part is kept for now",
            Exit.WRONG_STATE,
        )
    return deletion
