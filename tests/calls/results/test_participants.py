"""Who is on which track."""

from __future__ import annotations

from calls.results.participants import Participants, list_participants
from contract import names
from tests.calls.sample_streams import SampleStream

LONG_ID = "8:acs:" + "ü" * 60
HASHED = names.track_name(LONG_ID)


def test_a_track_s_name_tells_its_participant() -> None:
    participants = Participants(names={"4:+1": "Zoë"})
    assert (participants.raw_id("4~3A~2B1"), participants.name("4~3A~2B1")) == ("4:+1", "Zoë")
    assert (participants.raw_id("4~3A~2B2"), participants.name("4~3A~2B2")) == ("4:+2", None)
    assert (participants.raw_id("mixed"), participants.name("mixed")) == (None, None)


def test_a_hashed_track_has_the_participant_that_a_manifest_tells() -> None:
    streams = [SampleStream("call", {participant: b""}) for participant in (None, LONG_ID)]
    participants = list_participants((s.manifest for s in streams), {LONG_ID: "Zoë"})
    assert (participants.raw_id(HASHED), participants.name(HASHED)) == (LONG_ID, "Zoë")


def test_a_hashed_track_without_a_manifest_stands_for_itself() -> None:
    assert names.is_hashed_track(HASHED)
    assert Participants().raw_id(HASHED) == HASHED
    assert Participants(raw_ids={HASHED: ""}).raw_id(HASHED) == HASHED, "nobody is called nothing"
