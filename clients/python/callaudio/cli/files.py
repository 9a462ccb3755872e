"""Fetching a call's files, and playing its recording."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from callaudio import requests
from callaudio.cli.outcome import CommandError
from callaudio.cli.session import CallArgument, JsonOption, ProfileOption, Session, open_session
from callaudio.cli.watching import wait_for_result, wait_for_transcript
from callaudio.downloads import Progress as Downloaded
from callaudio.generated.models.recording_format import RecordingFormat
from callaudio.generated.models.recording_mix import RecordingMix
from callaudio.generated.models.transcript_format import TranscriptFormat
from callaudio.generated.types import UNSET


class What(StrEnum):
    """What can be fetched of a call."""

    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    TIMELINE = "timeline"
    EXPORT = "export"


PLAYERS = (
    "mpv --no-video --really-quiet",
    "ffplay -nodisp -autoexit -loglevel error",
    "afplay",
    "play -q",
    "paplay",
    "aplay -q",
)
"""What plays a WAV file, the best first: mpv, FFmpeg, macOS, SoX, PulseAudio, ALSA."""


def fetch(
    call: CallArgument,
    what: Annotated[
        list[What] | None, typer.Argument(help="What to fetch: by default, the recording.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write into.", file_okay=False)
    ] = Path(),
    format_: Annotated[
        RecordingFormat | None, typer.Option("--format", "-f", help="Convert the recording.")
    ] = None,
    mix: Annotated[
        RecordingMix | None, typer.Option(help="Mix all participants into one or two channels.")
    ] = None,
    transcript_format: Annotated[
        TranscriptFormat, typer.Option(help="The transcript's format.")
    ] = "txt",
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept a result that lacks audio.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Fetch what is there already, too.")
    ] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Fetch a call's files; go on where an earlier fetch was interrupted."""
    with open_session(profile, is_json=is_json) as session:
        call_id = session.find_call(call)
        if not partial:
            wait_for_result(session, call_id)
        options: dict[str, Any] = {"allow_partial": True} if partial else {}
        output.mkdir(parents=True, exist_ok=True)
        for part in what or [What.RECORDING]:
            request, name = _request(part, call_id, format_, mix, transcript_format, options)
            path = output / name
            if part is What.TRANSCRIPT:
                wait_for_transcript(session, call_id, allow_partial=partial)
            is_there = path.exists() and not overwrite
            if is_there:
                session.output.note(Text(f"{path} is there already"))
            else:
                download(session, request, path)
            document = {"file": str(path), "bytes": path.stat().st_size, "is_new": not is_there}
            session.output.show(document, Text(str(path)))


def play(
    call: CallArgument,
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept a recording that lacks audio.")
    ] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Play a call's recording, as soon as it is final."""
    player = find_player()
    with open_session(profile, is_json=is_json) as session, tempfile.TemporaryDirectory() as folder:
        call_id = session.find_call(call)
        if not partial:
            wait_for_result(session, call_id)
        path = Path(folder) / f"{call_id}.wav"
        options: dict[str, Any] = {"allow_partial": True} if partial else {}
        download(session, requests.recording(call_id, mix="mono", **options), path)
        session.output.note(Text(f"playing with {player[0]}; Ctrl-C stops", "dim"))
        ended = subprocess.run([*player, str(path)], check=False, stdin=subprocess.DEVNULL)
        if ended.returncode != 0:
            raise CommandError(f"{player[0]} ended with the exit code {ended.returncode}")
        document = {"call_connection_id": call_id, "player": player[0]}
        if is_json:
            session.output.json(document)


def find_player() -> list[str]:
    """Return the command that plays a file: ``CALLAUDIO_PLAYER``, or one of ``PLAYERS``.

    Raises CommandError.
    """
    for command in (os.environ.get("CALLAUDIO_PLAYER", ""), *PLAYERS):
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    raise CommandError(
        "no audio player here: install mpv, FFmpeg or SoX, or set CALLAUDIO_PLAYER to a command "
        "that plays a WAV file; `callaudio fetch` downloads the recording"
    )


def download(session: Session, request: dict[str, Any], path: Path) -> None:
    """Download a file; in a terminal, with a progress bar on standard error.

    Raises DownloadError, ProblemError, UnreachableError, OSError.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    is_shown = sys.stderr.isatty() and not session.output.is_json
    with Progress(
        *columns, console=session.output.err, transient=True, disable=not is_shown
    ) as progress:
        task = progress.add_task(path.name, total=None)

        def update(downloaded: Downloaded) -> None:
            progress.update(task, completed=downloaded.done, total=downloaded.total)

        session.client.download(request, path, update)


def _request(
    what: What,
    call_id: str,
    format_: RecordingFormat | None,
    mix: RecordingMix | None,
    transcript_format: TranscriptFormat,
    options: dict[str, Any],
) -> tuple[dict[str, Any], str]:
    """Return the request for a file, and the file's name."""
    match what:
        case What.RECORDING:
            request = requests.recording(
                call_id, format_=format_ or UNSET, mix=mix or UNSET, **options
            )
            suffix = f"-{mix}" if mix else ""
            return request, f"{call_id}{suffix}.{format_ or 'wav'}"
        case What.TRANSCRIPT:
            request = requests.transcript(call_id, transcript_format, **options)
            return request, f"{call_id}-transcript.{transcript_format}"
        case What.TIMELINE:
            return requests.timeline(call_id, **options), f"{call_id}-timeline.json"
        case What.EXPORT:
            return requests.export(call_id), f"{call_id}.zip"
