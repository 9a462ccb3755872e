"""Following a call to its end."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.live import Live

from callaudio.cli.render import call_details, progress_line
from callaudio.cli.session import CallArgument, JsonOption, ProfileOption, Session, open_session
from callaudio.generated.models.call_details import CallDetails

_INTERVAL_SECONDS = 1.0

TimeoutOption = Annotated[
    float | None, typer.Option(help="Give up after this many seconds (exit code 7).")
]


def watch(
    call: CallArgument,
    timeout: TimeoutOption = None,
    *,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Watch a call until its result is final; Ctrl-C stops watching, not the call."""
    with open_session(profile, is_json=is_json) as session:
        follow(session, session.find_call(call), timeout=timeout)


def follow(session: Session, call_id: str, *, timeout: float | None) -> None:
    """Print each change of a call, and in the end what it became.

    In a terminal, one line is rewritten; elsewhere, each change has a line of its own.

    Raises ResultError, WaitTimeoutError, ProblemError.
    """
    output, client = session.output, session.client
    if output.is_json:
        client.wait_until_final(
            call_id, on_change=lambda call: output.json(call.to_dict()), timeout=timeout
        )
    elif output.out.is_terminal:
        with Live(console=output.out, transient=True) as live:

            def update(call: CallDetails) -> None:
                live.update(progress_line(call))

            ended = client.wait_until_final(call_id, on_change=update, timeout=timeout)
        output.out.print(call_details(ended))
    else:
        client.wait_until_final(
            call_id, on_change=lambda call: output.out.print(progress_line(call)), timeout=timeout
        )


def wait_for_result(session: Session, call_id: str) -> CallDetails:
    """Wait until a call that has ended has its final result, or return at once.

    Raises ResultError, ProblemError.
    """
    with session.output.err.status("waiting for the result ...") as status:
        return session.client.wait_until_final(
            call_id, on_change=lambda call: status.update(progress_line(call))
        )


def wait_for_transcript(session: Session, call_id: str, *, allow_partial: bool) -> None:
    """Wait until a call's transcript is not pending any longer. Raises ProblemError."""
    with session.output.err.status("waiting for the transcript ..."):
        while True:
            transcript = session.client.show_transcript(call_id, allow_partial=allow_partial)
            if transcript.state != "pending":
                return
            time.sleep(_INTERVAL_SECONDS)
