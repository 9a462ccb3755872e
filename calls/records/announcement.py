"""The announcement of a call: what is played to whom before anybody is recorded. Pure.

It is played to all participants when the call has connected, and to those who join later. ACS's
events say how each play went; each one's ``operation_context`` is the id of its play. A play of
which no event comes counts as failed after a while, unless its event comes late.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec

from acs import events
from acs.events import CallbackEvent, ResultInformation

Policy = Literal["on", "required"]
"""``on``: it is played if that is possible. ``required``: without it, nobody is recorded."""

PlayState = Literal["requested", "playing", "completed", "failed"]
AnnouncementState = Literal["pending", "playing", "completed", "failed"]

MAX_ATTEMPTS = 2
"""How often the announcement is played to somebody to whom it was not played completely."""

MAX_PLAYS = 100
"""How many plays a call's record has. Those who join after them are treated as if it failed."""

_STATES: dict[str, PlayState] = {
    events.PLAY_STARTED: "playing",
    events.PLAY_COMPLETED: "completed",
    events.PLAY_FAILED: "failed",
    events.PLAY_CANCELED: "failed",
}


class Play(msgspec.Struct, kw_only=True):
    """One play of the announcement.

    ``to`` has the raw ids of those to whom it is played; ``to_all`` plays it to the whole call, as
    it began, and ``to`` is then empty until they are known. ``requested_at`` is by our clock, the
    other times are by ACS's. ``result`` says why it failed.
    """

    id: str
    to: list[str]
    to_all: bool
    requested_at: datetime
    state: PlayState = "requested"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: ResultInformation | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has neither been completed nor failed."""
        return self.state in ("requested", "playing")


class Announcement(msgspec.Struct, kw_only=True):
    """A call's announcement: ``text``, spoken in ``locale`` by ``voice``, or the file of ``url``.

    ``source`` says whether the call itself asked for it, or the settings.
    """

    policy: Policy
    source: Literal["call", "setting"]
    text: str | None = None
    url: str | None = None
    voice: str | None = None
    locale: str | None = None
    plays: list[Play] = msgspec.field(default_factory=list)

    @property
    def state(self) -> AnnouncementState:
        """How far the announcement at the call's beginning is."""
        plays = [play for play in self.plays if play.to_all]
        if any(play.state == "completed" for play in plays):
            return "completed"
        if any(play.is_open for play in plays):
            return "playing"
        return "failed" if len(plays) >= MAX_ATTEMPTS else "pending"

    @property
    def failure(self) -> str:
        """Why the last play that failed did so."""
        failed = [play for play in self.plays if play.state == "failed"]
        result = failed[-1].result if failed else None
        return (result.message if result else None) or "ACS does not say why"


class PlaySpan(msgspec.Struct, kw_only=True, frozen=True):
    """A play in a recording, in ms from its start: below 0 for one before the recording.

    ``end_ms`` is None while it goes on.
    """

    start_ms: int
    end_ms: int | None
    to_all: bool
    to: list[str]
    state: PlayState


def locate_plays(announcement: Announcement | None, started_at: datetime) -> list[PlaySpan]:
    """Return where an announcement's plays lie in a recording that began at ``started_at``.

    Those that ACS never began are not heard by anybody, and lie nowhere.
    """

    def position(time: datetime) -> int:
        return round((time - started_at).total_seconds() * 1000)

    return [
        PlaySpan(
            start_ms=position(play.started_at),
            end_ms=position(play.ended_at) if play.ended_at else None,
            to_all=play.to_all,
            to=play.to,
            state=play.state,
        )
        for play in (announcement.plays if announcement else ())
        if play.started_at is not None
    ]


def note_play_event(announcement: Announcement, event: CallbackEvent) -> None:
    """Take a play's state from ACS's event. In any order: a completed play stays completed."""
    state = _STATES.get(event.type)
    play = find_play(announcement, event.data.operation_context)
    if state is None or play is None:
        return
    if state == "playing":
        play.started_at = min(play.started_at or event.time, event.time)
        play.state = "playing" if play.state == "requested" else play.state
    elif play.state != "completed":
        play.state, play.ended_at = state, event.time
        play.result = event.data.result_information if state == "failed" else None


def find_play(announcement: Announcement, play_id: str | None) -> Play | None:
    """Return the play of an id."""
    return next((play for play in announcement.plays if play.id == play_id), None)


def fail_play(play: Play, now: datetime, reason: str) -> None:
    """Note that a play has failed without an event of ACS."""
    play.state, play.ended_at = "failed", now
    play.result = ResultInformation(message=reason)


def note_participants(announcement: Announcement, participants: Collection[str]) -> None:
    """Note who heard the announcement at the call's beginning, once that is known.

    ACS says who is in a call soon after it has connected.
    """
    for play in announcement.plays:
        if play.to_all and not play.to:
            play.to = list(participants)


def next_play(
    announcement: Announcement, participants: Collection[str], play_id: str, now: datetime
) -> Play | None:
    """Return the play that is due in a call that has connected; None while one is open."""
    if any(play.is_open for play in announcement.plays):
        return None
    if len(announcement.plays) >= MAX_PLAYS:
        return None
    if announcement.state == "pending":
        return Play(id=play_id, to=list(participants), to_all=True, requested_at=now)
    newcomers = [
        raw_id
        for raw_id in participants
        if not _has_heard(announcement, raw_id) and _attempts(announcement, raw_id) < MAX_ATTEMPTS
    ]
    if not newcomers:
        return None
    return Play(id=play_id, to=newcomers, to_all=False, requested_at=now)


def forbids_streaming(announcement: Announcement, participants: Collection[str]) -> str | None:
    """Return why a call must not be streamed now; None if it may be.

    While the announcement is played to somebody who joined later, streaming goes on.
    """
    if announcement.state in ("pending", "playing"):
        return "the announcement has not been played yet"
    if announcement.policy == "on":
        return None
    if announcement.state == "failed":
        return f"the announcement was not played: {announcement.failure}"
    has_room = len(announcement.plays) < MAX_PLAYS
    for raw_id in participants:
        if _has_heard(announcement, raw_id):
            continue
        if not has_room or _attempts(announcement, raw_id) >= MAX_ATTEMPTS:
            return (
                "the announcement was not played to a participant who joined later: "
                f"{announcement.failure}"
            )
    return None


def _has_heard(announcement: Announcement, raw_id: str) -> bool:
    return any(play.state == "completed" and raw_id in play.to for play in announcement.plays)


def _attempts(announcement: Announcement, raw_id: str) -> int:
    return sum(raw_id in play.to for play in announcement.plays)
