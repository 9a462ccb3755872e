"""A transcript as WebVTT, as text and as CSV. Pure.

A phrase, an id or a name is one line in each of them, whatever characters it has.
"""

from __future__ import annotations

from acs.identifiers import display_id, one_line
from calls import csv_cells
from calls.csv_cells import to_cell
from calls.transcripts.model import Transcript, Utterance

_CSV_HEADER = ("start", "end", "participant", "name", "speaker", "text", "diarized")
_NOT_DIARIZED = "The voices of the mixed track were not told apart."


def to_vtt(transcript: Transcript) -> str:
    """Format a transcript as WebVTT (W3C): one cue per utterance, whose voice is the speaker.

    A note says so where the voices of a mixed track were not told apart.
    """
    cues = ["WEBVTT"]
    if transcript.diarized is False:
        cues.append(f"NOTE {_NOT_DIARIZED}")
    for utterance in transcript.utterances:
        voice = speaker_name(utterance)
        text = _escape(one_line(utterance.text))
        cue = f"<v {_escape(voice)}>{text}</v>" if voice else text
        if cue:
            start, end = _format_time(utterance.start_ms), _format_time(utterance.end_ms)
            cues.append(f"{start} --> {end}\n{cue}")
    return "\n\n".join(cues) + "\n"


def to_text(transcript: Transcript) -> str:
    """Format a transcript as text: one line per utterance.

    The first line says so where the voices of a mixed track were not told apart.
    """
    lines = [f"{_NOT_DIARIZED}\n"] if transcript.diarized is False else []
    for utterance in transcript.utterances:
        voice = speaker_name(utterance)
        prefix = f"{voice}: " if voice else ""
        lines.append(f"[{_format_time(utterance.start_ms)}] {prefix}{one_line(utterance.text)}\n")
    return "".join(lines)


def to_csv(transcript: Transcript) -> str:
    """Format a transcript as CSV (RFC 4180): a header, then one record per utterance.

    A cell that a spreadsheet would take for a formula begins with an apostrophe. ``diarized`` is
    that of the transcript: empty if no track is mixed.
    """
    diarized = "" if transcript.diarized is None else str(transcript.diarized).lower()
    rows: list[tuple[str, ...]] = [_CSV_HEADER]
    for utterance in transcript.utterances:
        cells = (utterance.participant, utterance.name, utterance.speaker, utterance.text)
        rows.append(
            (
                _format_time(utterance.start_ms),
                _format_time(utterance.end_ms),
                *(to_cell("" if cell is None else str(cell)) for cell in cells),
                diarized,
            )
        )
    return csv_cells.to_csv(rows)


def speaker_name(utterance: Utterance) -> str:
    """Return the speaker for display: their name and id, only their id, or a voice's number.

    A phone number is without its ``4:``.
    """
    if utterance.participant is not None:
        displayed_id, name = one_line(display_id(utterance.participant)), utterance.name
        return f"{one_line(name)} ({displayed_id})" if name else displayed_id
    return f"speaker {utterance.speaker}" if utterance.speaker is not None else ""


def _format_time(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
