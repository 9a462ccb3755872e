"""Following a call: at once, or as soon as something happens; in few requests, on any instance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from calls import blobs
from calls.clients import Clients
from calls.errors import CallDeleted, CallNotFound, InvalidCursor
from calls.events import live
from calls.events.live import News, Position, follow_call
from calls.events.places import Places
from calls.events.segment_log import log_segment
from calls.principals import Principal
from calls.records.model import Milestone
from calls.records.store import change_record
from calls.retention.deletions import begin_deletion
from tests.calls.call_events import record_events
from tests.calls.counted_requests import count_requests
from tests.calls.handler_requests import create_record
from tests.calls.sample_streams import new_call_id

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SEGMENT = Milestone(type="segment.ready", what="s1", time=NOW)

Action = Callable[[], Awaitable[object]]


class Follower:
    """Follows a call on a clock of its own: while it sleeps, ``actions`` happen, by their time."""

    def __init__(self, clients: Clients, call: str) -> None:
        self.clients, self.call = clients, call
        self.now = 0.0
        self.actions: dict[float, Action] = {}

    async def follow(
        self,
        after: Position = Position(),  # noqa: B008
        wait_seconds: float = 0,
        owner: str = "somebody",
    ) -> News:
        return await follow_call(
            self.clients.storage,
            self.clients.settings,
            self.call,
            after,
            wait_seconds,
            owner=owner,
            sleep=self._sleep,
            clock=lambda: self.now,
        )

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        for due in [at for at in self.actions if at <= self.now]:
            await self.actions.pop(due)()


@pytest.fixture
async def follower(clients: Clients) -> Follower:
    call = new_call_id()
    await create_record(clients, call)
    return Follower(clients, call)


async def test_what_has_happened_is_returned_at_once_and_only_once(follower: Follower) -> None:
    storage, call = follower.clients.storage, follower.call
    first = await follower.follow(wait_seconds=20)
    assert (first.events, first.has_changed, follower.now) == ([], True, 0), "a new follower"
    await record_events(storage, call, NOW, "CallConnected", "MediaStreamingStarted")
    await log_segment(storage, call, SEGMENT)
    await log_segment(storage, call, SEGMENT)
    news = await follower.follow(first.position, 20)
    assert sorted(e.type for e in news.events) == [
        "call.connected",
        "call.streaming",
        "segment.ready",
    ]
    assert news.has_changed
    assert follower.now == 0
    again = await follower.follow(news.position)
    assert (again.events, again.has_changed, again.position) == ([], False, news.position)
    assert [e.id for e in (await follower.follow(first.position)).events] == [
        e.id for e in news.events
    ], "a repeat has the same ids"


async def test_a_waiting_follower_is_told_of_a_change_that_another_instance_makes(
    follower: Follower,
) -> None:
    storage, call = follower.clients.storage, follower.call
    position = (await follower.follow()).position
    follower.actions[5] = lambda: record_events(storage, call, NOW, "CallConnected")
    news = await follower.follow(position, 20)
    assert [event.type for event in news.events] == ["call.connected"]
    assert 5 <= follower.now <= 5 + 2 * live.POLL_SECONDS
    follower.actions[follower.now + 3] = lambda: log_segment(storage, call, SEGMENT)
    news = await follower.follow(news.position, 20)
    assert ([e.type for e in news.events], news.has_changed) == (["segment.ready"], False)


async def test_a_change_without_an_event_is_news_too(follower: Follower) -> None:
    position = (await follower.follow()).position
    storage, call = follower.clients.storage, follower.call
    follower.actions[1] = lambda: change_record(storage, call, lambda _: True)
    news = await follower.follow(position, 20)
    assert (news.events, news.has_changed) == ([], True)
    assert follower.now < 20


async def test_nothing_happens_and_the_wait_costs_one_small_request_at_a_time(
    follower: Follower,
) -> None:
    position = (await follower.follow()).position
    with count_requests(follower.clients.storage) as requests:
        news = await follower.follow(position, 20)
    assert (news.events, news.has_changed, news.position) == ([], False, position)
    assert follower.now == 20
    record = f"{blobs.CALLS}/{blobs.call_blob(follower.call)}"
    waiting = requests[2:]
    assert len(waiting) <= 20 / live.POLL_SECONDS + 1
    assert set(waiting) == {f"HEAD {record}", f"GET events/{follower.call}/segments.jsonl"}


class Waits:
    """The sleep of several followers, which ends when a test says so."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._sleeping = asyncio.Queue[asyncio.Future[None]]()
        follower._sleep = self._sleep  # type: ignore[method-assign,assignment]

    async def _sleep(self, _: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.put_nowait(turn)
        await turn

    async def take(self, count: int) -> list[asyncio.Future[None]]:
        """Return the turns of so many further requests, as soon as they sleep."""
        return [await self._sleeping.get() for _ in range(count)]

    def end(self, turns: list[asyncio.Future[None]], at: float) -> None:
        """Let requests go on at this time."""
        self._follower.now = at
        for turn in turns:
            turn.set_result(None)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    """Two places."""
    monkeypatch.setattr(live, "PLACES", Places(2))
    return live.PLACES


@pytest.mark.usefixtures("places")
async def test_only_some_may_wait_and_the_others_are_answered_at_once(follower: Follower) -> None:
    position = (await follower.follow()).position
    waits = Waits(follower)
    first = [asyncio.create_task(follower.follow(position, 20)) for _ in range(2)]
    turns = await waits.take(2)
    third = await follower.follow(position, 20)
    assert (third.is_busy, third.events, third.position) == (True, [], position)
    waits.end(turns, at=20)
    assert [news.is_busy for news in await asyncio.gather(*first)] == [False, False]
    fourth = asyncio.create_task(follower.follow(position, 20))
    waits.end(await waits.take(1), at=40)
    assert not (await fourth).is_busy, "both have left their places"


@pytest.mark.usefixtures("places")
async def test_whoever_holds_all_places_gives_one_to_another_key(follower: Follower) -> None:
    position = (await follower.follow()).position
    waits = Waits(follower)
    greedy = asyncio.create_task(follower.follow(position, 20, "greedy"))
    first = await waits.take(1)
    second = asyncio.create_task(follower.follow(position, 20, "greedy"))
    others = await waits.take(1)
    other = asyncio.create_task(follower.follow(position, 20, "other"))
    others += await waits.take(1)
    waits.end(first, at=1)
    assert await greedy == News([], position, has_changed=False, is_busy=True)
    waits.end(others, at=20)
    assert [news.is_busy for news in await asyncio.gather(second, other)] == [False, False]


async def test_whoever_loses_the_place_is_still_told_of_what_happened(
    follower: Follower, places: Places
) -> None:
    storage, call = follower.clients.storage, follower.call
    position = (await follower.follow()).position

    async def lose_place() -> None:
        places.take("greedy")
        assert places.take("other") is not None
        await record_events(storage, call, NOW, "CallConnected")

    follower.actions[5] = lose_place
    news = await follower.follow(position, 20, "greedy")
    assert follower.now < 20
    if news.is_busy:
        news = await follower.follow(news.position, 20, "greedy")
    assert [event.type for event in news.events] == ["call.connected"]


async def test_a_call_that_is_deleted_meanwhile_ends_the_wait(follower: Follower) -> None:
    storage, call = follower.clients.storage, follower.call
    position = (await follower.follow()).position
    principal = Principal(kind="key", id="k", name="k")
    follower.actions[3] = lambda: begin_deletion(
        storage, call, "call", principal, datetime.now(UTC)
    )
    with pytest.raises(CallDeleted):
        await follower.follow(position, 20)
    with pytest.raises(CallNotFound):
        await Follower(follower.clients, new_call_id()).follow()


@pytest.mark.parametrize(
    "cursor", ["", "x", "1.2", "1.2.3", "-1.0.0123456789ab", "1.2.0123456789AB"]
)
def test_a_cursor_that_the_app_has_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Position.parse(cursor)


def test_a_cursor_is_read_as_it_was_given_out() -> None:
    position = Position(3, 1200, "0123456789ab")
    assert Position.parse(position.cursor) == position
    assert Position.parse(None) == Position()
