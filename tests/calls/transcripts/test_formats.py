"""A transcript as WebVTT, as text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from calls.results.participants import Participants
from calls.transcripts import formats
from calls.transcripts.chunks import place_phrase
from calls.transcripts.engine import Phrase
from calls.transcripts.model import Transcript, Utterance

PARTICIPANTS = Participants(
    raw_ids={"p1": "4:+1", "p2": "8:acs:a_b"}, names={"8:acs:a_b": "Zoë <Bell>"}
)
LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029"
"""Where ``str.splitlines`` and readers of the formats end a line."""

HOSTILE = "".join(f"{end}00:00:00.000 --> 01:00:00.000{end}" for end in LINE_ENDS) + "\x00\x1b[2J"


def create_transcript(*utterances: Utterance) -> Transcript:
    return Transcript(
        schema=1,
        call_connection_id="call",
        provider="local",
        state="complete",
        error=None,
        utterances=list(utterances),
    )


def create_utterance(track: str, start_ms: int, text: str, speaker: int | None = None) -> Utterance:
    phrase = Phrase(start_ms=0, end_ms=900, text=text, speaker=speaker)
    return place_phrase(track, (start_ms, start_ms + 5000), phrase, [], PARTICIPANTS)


def create_hostile_utterance(participant: str | None = "4:+1", name: str = HOSTILE) -> Utterance:
    """An utterance as a document in storage might have it: ``place_phrase`` lets none pass."""
    return Utterance(
        track="t",
        participant=participant,
        name=name,
        start_ms=0,
        end_ms=500,
        text=HOSTILE,
        words=[],
    )


UTTERANCES = (
    create_utterance("p1", 10, "Fish & <chips>?"),
    create_utterance("p2", 2000, 'Well, "yes".'),
    create_utterance("mixed", 3_600_000, "Yes.", speaker=2),
    create_utterance("mixed", 3_700_000, "No."),
)


def test_webvtt() -> None:
    assert formats.to_vtt(create_transcript(*UTTERANCES)) == (
        "WEBVTT\n\n"
        "00:00:00.010 --> 00:00:00.910\n<v +1>Fish &amp; &lt;chips&gt;?</v>\n\n"
        '00:00:02.000 --> 00:00:02.900\n<v Zoë &lt;Bell&gt; (8:acs:a_b)>Well, "yes".</v>\n\n'
        "01:00:00.000 --> 01:00:00.900\n<v speaker 2>Yes.</v>\n\n"
        "01:01:40.000 --> 01:01:40.900\nNo.\n"
    )
    assert formats.to_vtt(create_transcript()) == "WEBVTT\n"


def test_text() -> None:
    assert formats.to_text(create_transcript(*UTTERANCES)).splitlines() == [
        "[00:00:00.010] +1: Fish & <chips>?",
        '[00:00:02.000] Zoë <Bell> (8:acs:a_b): Well, "yes".',
        "[01:00:00.000] speaker 2: Yes.",
        "[01:01:40.000] No.",
    ]


def test_csv() -> None:
    assert formats.to_csv(create_transcript(*UTTERANCES)).split("\r\n") == [
        "start,end,participant,name,speaker,text,diarized",
        "00:00:00.010,00:00:00.910,4:+1,,,Fish & <chips>?,",
        '00:00:02.000,00:00:02.900,8:acs:a_b,Zoë <Bell>,,"Well, ""yes"".",',
        "01:00:00.000,01:00:00.900,,,2,Yes.,",
        "01:01:40.000,01:01:40.900,,,,No.,",
        "",
    ]


@pytest.mark.parametrize("start", ["=1+1", "+1 555", "-2", "@A", "\t=1", "\r\n@x", "\uff1d1"])
def test_no_cell_of_the_csv_is_a_formula(start: str) -> None:
    utterance = Utterance(
        track="t", participant=start, name=start, start_ms=0, end_ms=1, text=start, words=[]
    )
    (_, row) = csv.reader(io.StringIO(formats.to_csv(create_transcript(utterance))))
    assert row[2:] == [f"'{start.strip()}"] * 2 + ["", f"'{start.strip()}", ""]


@pytest.mark.parametrize(
    ("format_", "lines_for_each"),
    [(formats.to_vtt, 3), (formats.to_text, 1), (formats.to_csv, 1)],
)
def test_no_phrase_id_or_name_makes_a_line_of_its_own(
    format_: Callable[[Transcript], str], lines_for_each: int
) -> None:
    without = format_(create_transcript()).splitlines()
    utterances = (
        create_hostile_utterance(),
        create_hostile_utterance("8:acs:" + HOSTILE),
        create_hostile_utterance("8:acs:" + HOSTILE, name=""),
        create_hostile_utterance(None),
    )
    for utterance in utterances:
        text = format_(create_transcript(utterance, *UTTERANCES[:1]))
        lines = text.splitlines()
        assert len(lines) == len(without) + 2 * lines_for_each
        assert text.replace("\r\n", "").replace("\n", "").isprintable()


def test_only_a_cue_s_own_line_has_an_arrow_in_webvtt() -> None:
    transcript = create_transcript(create_hostile_utterance(), create_hostile_utterance(None))
    lines = formats.to_vtt(transcript).splitlines()
    assert [line for line in lines if "-->" in line] == ["00:00:00.000 --> 00:00:00.500"] * 2


def test_a_phrase_of_control_characters_makes_no_empty_cue() -> None:
    utterance = Utterance(
        track="mixed", participant=None, start_ms=0, end_ms=1, text="\n\x00", words=[]
    )
    assert formats.to_vtt(create_transcript(utterance)) == "WEBVTT\n"


@pytest.mark.parametrize(("diarized", "count"), [(None, 0), (True, 0), (False, 1)])
def test_vtt_notes_that_voices_were_not_told_apart(*, diarized: bool | None, count: int) -> None:
    transcript = create_transcript(*UTTERANCES)
    transcript.diarized = diarized
    text = formats.to_vtt(transcript)
    assert text.count("\n\nNOTE The voices of the mixed track were not told apart.\n\n") == count


@pytest.mark.parametrize(("diarized", "cell"), [(None, ""), (True, "true"), (False, "false")])
def test_text_and_csv_say_whether_voices_were_told_apart(diarized: bool | None, cell: str) -> None:
    transcript = create_transcript(*UTTERANCES)
    text = formats.to_text(transcript)
    transcript.diarized = diarized
    note = "The voices of the mixed track were not told apart.\n" if diarized is False else ""
    assert formats.to_text(transcript) == note + text
    header, *rows = csv.reader(io.StringIO(formats.to_csv(transcript)))
    assert (header[-1], {row[-1] for row in rows}) == ("diarized", {cell})
