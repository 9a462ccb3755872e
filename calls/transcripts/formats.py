"""A transcript as WebVTT and as text. Pure."""

from __future__ import annotations

from acs.identifiers import display_id
from calls.transcripts.model import Transcript, Utterance


def to_vtt(transcript: Transcript) -> str:
    """Format a transcript as WebVTT (W3C): one cue per utterance, whose voice is the speaker."""
    cues = ["WEBVTT"]
    for utterance in transcript.utterances:
        voice = speaker_name(utterance)
        text = _escape(utterance.text)
        cue = f"<v {_escape(voice)}>{text}</v>" if voice else text
        start, end = _format_time(utterance.start_ms), _format_time(utterance.end_ms)
        cues.append(f"{start} --> {end}\n{cue}")
    return "\n\n".join(cues) + "\n"


def to_text(transcript: Transcript) -> str:
    """Format a transcript as text: one line per utterance."""
    lines = []
    for utterance in transcript.utterances:
        voice = speaker_name(utterance)
        prefix = f"{voice}: " if voice else ""
        lines.append(f"[{_format_time(utterance.start_ms)}] {prefix}{utterance.text}\n")
    return "".join(lines)


def speaker_name(utterance: Utterance) -> str:
    """Return the speaker for display: a phone number without its ``4:``, or a voice's number."""
    if utterance.participant is not None:
        return display_id(utterance.participant)
    return f"speaker {utterance.speaker}" if utterance.speaker is not None else ""


def _format_time(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
