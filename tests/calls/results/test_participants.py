"""Who is on which track."""

from __future__ import annotations

from calls.results.participants import (
    Participants,
    add_notes,
    heard_participants,
    list_participants,
)
from contract.manifest import ErasedTrack
from tests.calls.sample_streams import SampleStream


def test_a_track_has_the_participant_that_its_manifest_names() -> None:
    stream = SampleStream("call", {"4:+1": b"", "4:+2": b""})
    heard = {stream.stream_id: heard_participants(stream.manifest)}
    participants = list_participants(heard, {"4:+1": "Zoë"})
    assert participants.track(stream.stream_id, "p1") == "p1"
    assert (participants.raw_id("p1"), participants.name("p1")) == ("4:+1", "Zoë")
    assert (participants.raw_id("p2"), participants.name("p2")) == ("4:+2", None)
    assert (participants.raw_id("mixed"), participants.name("mixed")) == (None, None)


def test_a_participant_has_the_same_track_in_every_stream() -> None:
    """A stream numbers in the order in which it hears; the first one's numbers are the call's."""
    participants = list_participants(
        {
            "2": {"p1": "bob", "p2": "carol", "p3": "alice"},
            "1": {"p1": "alice", "p2": "bob"},
            "3": {"p1": "dave", "p4": "eve"},
        }
    )
    assert participants.tracks == {
        "1": {"p1": "p1", "p2": "p2"},
        "2": {"p1": "p2", "p2": "p3", "p3": "p1"},
        "3": {"p1": "p4", "p4": "p5"},
    }
    assert participants.raw_ids == {
        "p1": "alice",
        "p2": "bob",
        "p3": "carol",
        "p4": "dave",
        "p5": "eve",
    }


def test_a_number_without_a_raw_id_stands_for_itself_and_is_nobody_else() -> None:
    streams = {"1": {"p1": "", "p2": "alice"}, "2": {"p1": "", "p2": "alice"}}
    participants = list_participants(streams)
    assert participants.tracks["2"] == {"p1": "p3", "p2": "p2"}
    assert [participants.raw_id(track) for track in ("p1", "p2", "p3")] == ["p1", "alice", "p3"]


def test_two_participants_of_one_stream_are_never_one() -> None:
    """Their ids may be alike as far as they are kept; audio must not lie over audio."""
    streams = {"1": {"p1": "x" * 1024, "p2": "x" * 1024}, "2": {"p1": "x" * 1024}}
    assert list_participants(streams).tracks == {"1": {"p1": "p1", "p2": "p2"}, "2": {"p1": "p1"}}


def test_nobody_gets_the_number_of_a_participant_who_was_erased() -> None:
    """Otherwise, the same request to erase p2, sent again, would erase carol."""
    first = SampleStream("call", {"alice": b"..", "bob": b".."}).manifest
    second = SampleStream("call", {"bob": b"..", "carol": b".."}).manifest
    heard = {"1": heard_participants(first), "2": heard_participants(second)}
    assert list_participants(heard).tracks["2"] == {"p1": "p2", "p2": "p3"}
    for stream_id, manifest, track in (("1", first, "p2"), ("2", second, "p1")):
        del manifest.participants[track]
        manifest.segments = [entry for entry in manifest.segments if entry.track != track]
        at = manifest.started_at
        manifest.erased = [
            ErasedTrack(track=track, segments=1, start=at, erased_at=at, deletion="deletion-1")
        ]
        heard[stream_id] = heard_participants(manifest)
    participants = list_participants(heard)
    assert participants.tracks == {"1": {"p1": "p1"}, "2": {"p2": "p3"}}
    assert participants.raw_ids == {"p1": "alice", "p3": "carol"}


def test_a_stream_that_is_not_known_keeps_its_own_names() -> None:
    assert Participants().track("1", "p7") == "p7"
    assert Participants(raw_ids={"p1": ""}).raw_id("p1") == "p1", "nobody is called nothing"


def test_what_a_stream_heard_includes_tracks_that_its_manifest_does_not_name() -> None:
    stream = SampleStream("call", {None: b"..", "4:+1": b"..", "4:+2": b".."})
    del stream.manifest.participants["p2"]
    assert heard_participants(stream.manifest) == {"p1": "4:+1", "p2": ""}


def test_notes_name_those_whom_a_manifest_does_not() -> None:
    stream = SampleStream("call", {"4:+1": b".."})
    notes = {stream.stream_id: {"p1": "another", "p2": "4:+2"}, "other": {"p3": "nobody"}}
    assert add_notes(stream.manifest, notes).participants == {"p1": "4:+1", "p2": "4:+2"}
    assert add_notes(stream.manifest, {}) == stream.manifest
