"""A transcript as WebVTT and as text."""

from __future__ import annotations

from calls.transcripts import formats
from calls.transcripts.chunks import place_phrase
from calls.transcripts.engine import Phrase
from calls.transcripts.model import Transcript, Utterance


def create_transcript(*utterances: Utterance) -> Transcript:
    return Transcript(
        schema=1,
        call_connection_id="call",
        provider="local",
        state="complete",
        error=None,
        utterances=list(utterances),
    )


UTTERANCES = (
    place_phrase(
        "4~3A~2B1", (0, 5000), Phrase(start_ms=10, end_ms=900, text="Fish & <chips>?"), []
    ),
    place_phrase(
        "mixed", (3_600_000, 3_601_000), Phrase(start_ms=0, end_ms=5, text="Yes.", speaker=2), []
    ),
    place_phrase("mixed", (3_700_000, 3_701_000), Phrase(start_ms=0, end_ms=5, text="No."), []),
)


def test_webvtt() -> None:
    assert formats.to_vtt(create_transcript(*UTTERANCES)) == (
        "WEBVTT\n\n"
        "00:00:00.010 --> 00:00:00.900\n<v +1>Fish &amp; &lt;chips&gt;?</v>\n\n"
        "01:00:00.000 --> 01:00:00.005\n<v speaker 2>Yes.</v>\n\n"
        "01:01:40.000 --> 01:01:40.005\nNo.\n"
    )
    assert formats.to_vtt(create_transcript()) == "WEBVTT\n"


def test_a_phrase_cannot_add_a_cue_to_webvtt() -> None:
    phrase = Phrase(start_ms=0, end_ms=500, text="Good\n\nday --> to")
    transcript = create_transcript(place_phrase("mixed", (0, 1000), phrase, []))
    assert formats.to_vtt(transcript).splitlines()[3:] == ["Good day --&gt; to"]


def test_text() -> None:
    assert formats.to_text(create_transcript(*UTTERANCES)).splitlines() == [
        "[00:00:00.010] +1: Fish & <chips>?",
        "[01:00:00.000] speaker 2: Yes.",
        "[01:01:40.000] No.",
    ]
