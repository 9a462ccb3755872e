"""Announcing calls: each step once, whatever comes twice, late, or not at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.communication.callautomation import FileSource, TextSource, VoiceKind
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from acs.events import ResultInformation
from calls.clients import Clients
from calls.control.announcing import advance
from calls.control.pausing import pause_call, resume_call
from calls.control.streaming import ANSWER_TIME, change_streaming
from calls.errors import AnnouncementNotPlayed
from calls.principals import SYSTEM
from calls.records.announcement import Announcement, Policy
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.records.result_state import update_result_state
from calls.records.store import change_record, read_record
from tests.calls.call_events import create_event, record_events
from tests.calls.control.test_deadlines import Sent
from tests.calls.sample_streams import new_call_id

START = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
A, B, C = "4:+15551230000", "8:acs:agent", "4:+15551230001"
TEXT = "This call is recorded."


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Connection:
    """Stands in for ACS's client of one call: what it was asked for, and what it answers."""

    def __init__(self) -> None:
        self.plays: list[tuple[Any, Any, str]] = []
        self.operations: list[str] = []
        self.errors: list[Exception] = []

    def _answer(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def play_media(
        self, source: Any, to: Any, *, operation_context: str, operation_callback_url: str
    ) -> None:
        assert operation_callback_url.endswith("/api/v1/callbacks")
        audience = to if to == "all" else [identifier.raw_id for identifier in to]
        self.plays.append((source, audience, operation_context))
        self._answer()

    async def start_media_streaming(self, **_: object) -> None:
        self.operations.append("start")
        self._answer()

    async def stop_media_streaming(self, **_: object) -> None:
        self.operations.append("stop")
        self._answer()


def refused(status: int, message: str = "no") -> HttpResponseError:
    error = HttpResponseError(message)
    error.status_code = status
    return error


@pytest.fixture
def connection(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Connection:
    connection = Connection()
    monkeypatch.setattr(clients.call_automation, "get_call_connection", lambda _: connection)
    return connection


@pytest.fixture
def sent(clients: Clients) -> Sent:
    sent = Sent()
    clients._queues["deadlines"] = sent  # type: ignore[assignment]
    return sent


@pytest.fixture
def clients(clients: Clients) -> Clients:
    clients._queues["deadlines"] = Sent()  # type: ignore[assignment]
    return clients


async def connect(clients: Clients, policy: Policy = "required", **fields: Any) -> str:
    """Create the record of a call that has connected; returns its id."""
    call = new_call_id()
    text = {} if "url" in fields else {"text": TEXT, "locale": "en-US"}
    await record_events(
        clients.storage,
        call,
        START,
        "CallConnected",
        announcement=Announcement(policy=policy, source="setting", **(text | fields)),
        start_streaming=True,
        participants=[A, B],
    )
    return call


async def step(clients: Clients, call: str, seconds: float = 0) -> CallRecord:
    """Do what is due; returns the record."""
    await advance(clients, await read_record(clients.storage, call), at(seconds))
    return await read_record(clients.storage, call)


async def receive(
    clients: Clients, call: str, name: str, seconds: float, play: int | None = None, **data: Any
) -> CallRecord:
    """Record an event, of a play by its number, and do what it leads to."""

    def apply(record: CallRecord) -> bool:
        if play is not None:
            assert record.announcement is not None
            data["operation_context"] = record.announcement.plays[play].id
        return add_event(record, create_event(call, name, at(seconds), **data))

    await change_record(clients.storage, call, apply)
    return await step(clients, call, seconds)


def plays_of(record: CallRecord) -> list[tuple[bool, list[str], str]]:
    assert record.announcement is not None
    return [(play.to_all, play.to, play.state) for play in record.announcement.plays]


async def connect_announced(clients: Clients) -> str:
    """Connect a call whose announcement was played and whose streaming has started."""
    call = await connect(clients)
    await step(clients, call)
    await receive(clients, call, "PlayCompleted", 4, play=0)
    await receive(clients, call, "MediaStreamingStarted", 5)
    return call


async def test_streaming_starts_when_the_announcement_has_been_played(
    clients: Clients, connection: Connection
) -> None:
    call = await connect(clients)
    record = await step(clients, call)
    assert plays_of(record) == [(True, [A, B], "requested")]
    assert record.streaming.state == "starting"
    ((source, to, _),) = connection.plays
    assert isinstance(source, TextSource)
    assert (source.text, source.source_locale, to) == (TEXT, "en-US", "all")
    assert (source.voice_name, source.voice_kind) == (None, VoiceKind.FEMALE)
    await receive(clients, call, "PlayStarted", 1, play=0)
    assert connection.operations == []
    record = await receive(clients, call, "PlayCompleted", 4, play=0)
    assert connection.operations == ["start"]
    assert [(request.operation, request.by) for request in record.requests] == [("start", SYSTEM)]


async def test_everything_twice_and_at_once_is_done_once(
    clients: Clients, connection: Connection
) -> None:
    call = await connect(clients)
    await asyncio.gather(*(step(clients, call) for _ in range(4)))
    assert len(connection.plays) == 1
    await asyncio.gather(*(receive(clients, call, "PlayCompleted", 4, play=0) for _ in range(4)))
    for seconds in (5, 6):
        await step(clients, call, seconds)
    assert (len(connection.plays), connection.operations) == (1, ["start"])


async def test_a_file_and_a_voice(clients: Clients, connection: Connection) -> None:
    await step(clients, await connect(clients, url="https://files.example/consent.wav"))
    await step(clients, await connect(clients, voice="en-US-AvaMultilingualNeural"))
    file, text = (source for source, _, _ in connection.plays)
    assert isinstance(file, FileSource)
    assert file.url == "https://files.example/consent.wav"
    assert (text.voice_name, text.voice_kind) == ("en-US-AvaMultilingualNeural", None)


async def test_nothing_is_played_before_the_call_connects_or_after_its_end(
    clients: Clients, connection: Connection
) -> None:
    own = Announcement(policy="on", source="call", text=TEXT)
    for names in (("ParticipantsUpdated",), ("CallConnected", "CallDisconnected")):
        call = new_call_id()
        await record_events(clients.storage, call, START, *names, announcement=own)
        await step(clients, call)
    call = new_call_id()
    await record_events(clients.storage, call, START, "CallConnected", start_streaming=True)
    await step(clients, call)
    assert (connection.plays, connection.operations) == ([], [])


async def test_a_required_announcement_that_fails_leaves_the_call_unrecorded(
    clients: Clients, connection: Connection
) -> None:
    call = await connect(clients)
    await step(clients, call)
    result = ResultInformation(code=400, sub_code=8565, message="bad request to Azure AI services")
    await receive(clients, call, "PlayFailed", 1, play=0, result_information=result)
    assert len(connection.plays) == 2, "it is tried once more"
    record = await receive(clients, call, "PlayFailed", 2, play=1, result_information=result)
    assert (len(connection.plays), connection.operations) == (2, [])
    assert record.streaming.state == "inactive"
    reason = "the announcement was not played: bad request to Azure AI services"
    with pytest.raises(AnnouncementNotPlayed, match=reason):
        await change_streaming(clients, call, "start", None)
    await record_events(clients.storage, call, at(60), "CallDisconnected")
    await update_result_state(clients.storage, call, at(61), 1800)
    record = await read_record(clients.storage, call)
    assert record.result_state == "none"
    assert record.result_reason == f"the media streaming was never started: {reason}"


async def test_an_announcement_that_is_on_and_fails_is_in_the_record_and_streaming_starts(
    clients: Clients, connection: Connection
) -> None:
    call = await connect(clients, "on")
    await step(clients, call)
    await receive(clients, call, "PlayFailed", 1, play=0)
    assert connection.operations == []
    record = await receive(clients, call, "PlayFailed", 2, play=1)
    assert connection.operations == ["start"]
    assert record.announcement is not None
    assert record.announcement.state == "failed"


async def test_an_event_that_never_comes_has_a_time_limit(
    clients: Clients, connection: Connection, sent: Sent
) -> None:
    call = await connect(clients)
    await step(clients, call)
    assert [seconds for _, seconds in sent.messages] == [60]
    await step(clients, call, 59)
    assert len(connection.plays) == 1
    record = await step(clients, call, 60)
    assert [state for _, _, state in plays_of(record)] == ["failed", "requested"]
    record = await step(clients, call, 120)
    assert record.announcement is not None
    assert record.announcement.failure == "ACS did not say within 60 s that it was played"
    assert (record.streaming.state, connection.operations) == ("inactive", [])
    # ACS says so after all.
    await receive(clients, call, "PlayCompleted", 121, play=0)
    assert connection.operations == ["start"]


async def test_what_acs_refuses_to_play_fails_and_what_it_may_have_got_waits(
    clients: Clients, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.errors = [refused(400), refused(400)]
    record = await step(clients, await connect(clients))
    assert [state for _, _, state in plays_of(record)] == ["failed", "failed"]
    assert "announcement_refused" in caplog.text
    for error in (refused(500), ServiceResponseError("lost")):
        connection.errors = [error]
        record = await step(clients, await connect(clients))
        assert [state for _, _, state in plays_of(record)] == ["requested"]


async def test_a_start_that_acs_may_have_got_is_repeated(
    clients: Clients, connection: Connection, sent: Sent
) -> None:
    call = await connect(clients)
    await step(clients, call)
    connection.errors = [ServiceResponseError("lost")]
    record = await receive(clients, call, "PlayCompleted", 4, play=0)
    assert record.streaming.state == "starting"
    assert [seconds for _, seconds in sent.messages][-1] == ANSWER_TIME.total_seconds()
    await step(clients, call, 20)
    assert connection.operations == ["start"]
    await step(clients, call, 35)
    assert connection.operations == ["start", "start"]
    await receive(clients, call, "MediaStreamingStarted", 36)
    await step(clients, call, 90)
    assert connection.operations == ["start", "start"]


async def test_a_call_that_is_not_to_be_streamed_at_once_is_announced_all_the_same(
    clients: Clients, connection: Connection
) -> None:
    call = await connect(clients)
    await record_events(clients.storage, call, START, start_streaming=False)
    await step(clients, call)
    with pytest.raises(AnnouncementNotPlayed, match="has not been played yet"):
        await change_streaming(clients, call, "start", None)
    await receive(clients, call, "PlayCompleted", 4, play=0)
    assert (len(connection.plays), connection.operations) == (1, [])
    await change_streaming(clients, call, "start", None)
    assert connection.operations == ["start"]


async def test_a_streaming_that_somebody_stopped_does_not_start_again(
    clients: Clients, connection: Connection
) -> None:
    call = await connect_announced(clients)
    await change_streaming(clients, call, "stop", None)
    await receive(clients, call, "MediaStreamingStopped", 6)
    await step(clients, call, 600)
    assert connection.operations == ["start", "stop"]


async def join(clients: Clients, call: str, raw_id: str) -> None:
    """Let somebody join."""

    def apply(record: CallRecord) -> bool:
        record.participants = [*record.participants, raw_id]
        return True

    await change_record(clients.storage, call, apply)


async def test_who_joins_later_hears_it_alone(clients: Clients, connection: Connection) -> None:
    call = await connect_announced(clients)
    await join(clients, call, C)
    record = await step(clients, call, 10)
    assert [to for _, to, _ in connection.plays] == ["all", [C]]
    assert plays_of(record)[1] == (False, [C], "requested")
    record = await receive(clients, call, "PlayCompleted", 12, play=1)
    assert plays_of(record)[1] == (False, [C], "completed")
    assert (len(connection.plays), connection.operations) == (2, ["start"])


async def test_a_newcomer_who_cannot_hear_a_required_announcement_stops_the_streaming(
    clients: Clients, connection: Connection
) -> None:
    call = await connect_announced(clients)
    await join(clients, call, C)
    await step(clients, call, 10)
    await receive(clients, call, "PlayFailed", 11, play=1)
    record = await receive(clients, call, "PlayFailed", 12, play=2)
    assert connection.operations == ["start", "stop"]
    assert record.requests[-1].by == SYSTEM
    assert "a participant who joined later" in (record.requests[-1].reason or "")
    await receive(clients, call, "MediaStreamingStopped", 13)
    for attempt in (
        change_streaming(clients, call, "start", None),
        change_streaming(clients, call, "start", None, SYSTEM),
    ):
        with pytest.raises(AnnouncementNotPlayed):
            await attempt


async def test_a_pause_does_not_end_while_a_newcomer_has_not_heard_it(
    clients: Clients, connection: Connection
) -> None:
    call = await connect_announced(clients)
    await pause_call(clients, call, SYSTEM, max_seconds=None, reason=None)
    await receive(clients, call, "MediaStreamingStopped", 6)
    await join(clients, call, C)
    await step(clients, call, 10)
    await receive(clients, call, "PlayFailed", 11, play=1)
    await receive(clients, call, "PlayFailed", 12, play=2)
    with pytest.raises(AnnouncementNotPlayed):
        await resume_call(clients, call, SYSTEM)
    assert connection.operations == ["start", "stop"]
