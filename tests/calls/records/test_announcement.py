"""What is played to whom, and when a call may be streamed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from acs.events import CallbackEvent, ResultInformation
from calls.records.announcement import (
    MAX_PLAYS,
    Announcement,
    Play,
    Policy,
    fail_play,
    forbids_streaming,
    locate_plays,
    next_play,
    note_participants,
    note_play_event,
)
from calls.records.derive import add_event
from calls.records.model import new_record
from tests.calls.call_events import create_event

START = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
A, B, C = "4:+15551230000", "8:acs:agent", "4:+15551230001"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def announcement(policy: Policy = "required", *plays: Play) -> Announcement:
    return Announcement(policy=policy, source="setting", text="Recorded.", plays=list(plays))


def event(name: str, play: str, seconds: float, message: str | None = None) -> CallbackEvent:
    result = ResultInformation(code=400, sub_code=8565, message=message) if message else None
    return create_event(
        "a-call", name, at(seconds), operation_context=play, result_information=result
    )


def request(
    own: Announcement, participants: list[str], play_id: str = "play", *names: str
) -> Play | None:
    """Request the play that is due, and take the events of these names."""
    play = next_play(own, participants, play_id, START)
    if play is not None:
        own.plays.append(play)
        for second, name in enumerate(names):
            note_play_event(own, event(name, play_id, second, "no speech" * ("Fail" in name)))
    return play


def test_it_is_played_to_all_once() -> None:
    own = announcement()
    assert (own.state, forbids_streaming(own, [])) == (
        "pending",
        "the announcement has not been played yet",
    )
    play = request(own, [A, B])
    assert play is not None
    assert (play.to_all, play.to, own.state) == (True, [A, B], "playing")
    assert forbids_streaming(own, [A, B]) is not None
    assert next_play(own, [A, B], "other", START) is None, "one at a time"
    note_play_event(own, event("PlayStarted", "play", 1))
    note_play_event(own, event("PlayCompleted", "play", 4))
    assert (play.state, play.started_at, play.ended_at) == ("completed", at(1), at(4))
    assert (own.state, forbids_streaming(own, [A, B])) == ("completed", None)
    assert next_play(own, [A, B], "other", START) is None


@pytest.mark.parametrize("order", list(itertools.permutations(["PlayStarted", "PlayCompleted"])))
def test_events_in_any_order_and_twice(order: tuple[str, ...]) -> None:
    own = announcement()
    request(own, [A])
    seconds = {"PlayStarted": 1, "PlayCompleted": 4}
    for name in [*order, *order]:
        note_play_event(own, event(name, "play", seconds[name]))
    (play,) = own.plays
    assert (play.state, play.started_at, play.ended_at) == ("completed", at(1), at(4))


def test_events_of_other_plays_change_nothing() -> None:
    own = announcement()
    request(own, [A])
    note_play_event(own, event("PlayCompleted", "other", 1))
    note_play_event(own, create_event("a-call", "PlayCompleted", START))
    note_play_event(own, event("RecognizeCompleted", "play", 1))
    assert own.state == "playing"


def test_a_play_that_failed_is_tried_once_more() -> None:
    own = announcement()
    request(own, [A], "one", "PlayFailed")
    assert (own.state, own.failure) == ("pending", "no speech")
    request(own, [A], "two", "PlayCanceled")
    assert own.state == "failed"
    assert next_play(own, [A], "three", START) is None


def test_without_a_required_announcement_nobody_is_recorded() -> None:
    own, other = announcement("required"), announcement("on")
    for each in (own, other):
        request(each, [A], "one", "PlayFailed")
        request(each, [A], "two", "PlayFailed")
    assert forbids_streaming(own, [A]) == "the announcement was not played: no speech"
    assert forbids_streaming(other, [A]) is None


def test_a_late_event_is_believed() -> None:
    """ACS did not say in time that it was played."""
    own = announcement()
    for play_id in ("one", "two"):
        play = request(own, [A], play_id)
        assert play is not None
        fail_play(play, at(60), "no event")
    assert (own.state, own.failure) == ("failed", "no event")
    note_play_event(own, event("PlayCompleted", "one", 61))
    assert (own.state, forbids_streaming(own, [A])) == ("completed", None)
    note_play_event(own, event("PlayFailed", "one", 62, "late"))
    assert own.state == "completed"


def test_who_joins_later_hears_it_too() -> None:
    own = announcement()
    request(own, [A, B], "all", "PlayCompleted")
    play = request(own, [A, B, C], "late")
    assert play is not None
    assert (play.to_all, play.to) == (False, [C])
    assert forbids_streaming(own, [A, B, C]) is None, "the streaming goes on meanwhile"
    note_play_event(own, event("PlayCompleted", "late", 9))
    assert next_play(own, [A, B, C], "more", START) is None
    assert next_play(own, [B, C], "more", START) is None, "who leaves needs nothing"


def test_who_joins_during_the_announcement_hears_it_from_the_beginning() -> None:
    own = announcement()
    request(own, [A, B], "all")
    assert next_play(own, [A, B, C], "late", START) is None
    note_play_event(own, event("PlayCompleted", "all", 4))
    play = next_play(own, [A, B, C], "late", START)
    assert play is not None
    assert play.to == [C]


def test_who_is_in_the_call_may_be_known_only_later() -> None:
    own = announcement()
    request(own, [], "all", "PlayStarted")
    note_participants(own, [A, B])
    note_participants(own, [A, B, C])
    assert own.plays[0].to == [A, B]


def test_a_newcomer_who_cannot_hear_it_is_not_recorded_where_it_is_required() -> None:
    own, other = announcement("required"), announcement("on")
    for each in (own, other):
        request(each, [A, B], "all", "PlayCompleted")
        request(each, [A, B, C], "one", "PlayFailed")
        assert forbids_streaming(each, [A, B, C]) is None, "it is tried once more"
        request(each, [A, B, C], "two", "PlayFailed")
        assert next_play(each, [A, B, C], "three", START) is None
    reason = forbids_streaming(own, [A, B, C])
    assert reason is not None
    assert reason.endswith("to a participant who joined later: no speech")
    assert forbids_streaming(own, [A, B]) is None, "the newcomer has left"
    assert forbids_streaming(other, [A, B, C]) is None


def test_the_plays_of_a_call_are_bounded() -> None:
    own = announcement()
    request(own, [A], "all", "PlayCompleted")
    for number in range(2 * MAX_PLAYS):
        request(own, [A, f"8:acs:{number}"], f"{number}", "PlayCompleted")
    assert len(own.plays) == MAX_PLAYS
    assert forbids_streaming(own, [A, "8:acs:0"]) is None
    assert forbids_streaming(own, [A, "8:acs:late"]) is not None


def test_the_record_follows_its_announcement() -> None:
    record = new_record("a-call", START)
    record.start_streaming, record.announcement = True, announcement()
    add_event(record, create_event("a-call", "CallConnected", START))
    assert record.streaming.state == "starting"
    for second, play_id in enumerate(("one", "two"), 5):
        play = next_play(record.announcement, [A], play_id, START)
        assert play is not None
        record.announcement.plays.append(play)
        add_event(record, event("PlayFailed", play_id, second, "no speech"))
    assert (record.announcement.state, record.streaming.state) == ("failed", "inactive")
    add_event(record, event("PlayCompleted", "two", 7))
    assert (record.announcement.state, record.streaming.state) == ("completed", "starting")


def test_where_plays_lie_in_a_recording() -> None:
    own = announcement()
    request(own, [A, B], "all", "PlayStarted", "PlayCompleted")
    request(own, [A, B, C], "late", "PlayStarted")
    never_began = next_play(announcement(), [A], "never", START)
    assert never_began is not None
    own.plays.append(never_began)
    before, during = locate_plays(own, at(4))
    assert (before.start_ms, before.end_ms, before.to_all) == (-4000, -3000, True)
    assert (during.start_ms, during.end_ms, during.to) == (-4000, None, [C])
    assert during.state == "playing"
    assert locate_plays(None, START) == []
