"""Meeting the deadlines of calls: by a message, and by the reconciler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls.clients import Clients
from calls.errors import AcsUnavailable
from calls.pipeline import deadlines, reconciler
from calls.principals import SYSTEM
from calls.records.announcement import Announcement
from calls.records.derive import add_request
from calls.records.model import CallRecord, RequestRecord
from calls.records.pauses import open_pause
from calls.records.store import change_record, read_record
from tests.calls.call_events import record_events
from tests.calls.sample_streams import new_call_id
from tests.calls.stream_uploader import send_nothing
from tests.calls.test_audit import entries_of

NOW = datetime.now(UTC)


async def create_paused_call(clients: Clients, resume_at: datetime | None, *more: str) -> str:
    """Create the record of a call that is paused; returns its id."""
    call = new_call_id()
    start = NOW - timedelta(minutes=10)
    events = ("CallConnected", "MediaStreamingStarted")
    await record_events(clients.storage, call, start, *events, start_streaming=True)
    request = RequestRecord(
        id="pause", operation="stop", time=NOW, is_pause=True, resume_at=resume_at
    )

    def apply(record: CallRecord) -> bool:
        add_request(record, request)
        return True

    await change_record(clients.storage, call, apply)
    await record_events(clients.storage, call, NOW, "MediaStreamingStopped", *more)
    return call


def message(call: str) -> bytes:
    return f'{{"call_connection_id":"{call}"}}'.encode()


class Connection:
    """Stands in for ACS's client of one call: the operations that it was asked for."""

    def __init__(self) -> None:
        self.operations: list[str] = []

    async def start_media_streaming(self, **_: object) -> None:
        self.operations.append("start")

    async def play_media(self, *_: object, **__: object) -> None:
        self.operations.append("play")

    async def get_call_properties(self, **_: object) -> None:
        self.operations.append("get")


@pytest.fixture
def connection(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """ACS, which answers each request."""
    connection = Connection()
    monkeypatch.setattr(clients.call_automation, "get_call_connection", lambda _: connection)
    return connection


@pytest.fixture(autouse=True)
def use_clients(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function has the test's clients, whose ACS does not answer."""
    monkeypatch.setattr(deadlines, "get_clients", lambda: clients)


async def test_a_message_ends_a_pause_that_is_over(
    clients: Clients, connection: Connection
) -> None:
    call = await create_paused_call(clients, NOW)
    await deadlines.on_message(message(call))
    await deadlines.on_message(message(call))
    assert connection.operations == ["start"]
    assert open_pause(await read_record(clients.storage, call)) is None
    actions = await entries_of(clients.storage, call)
    assert [(a.action, a.outcome) for a in actions] == [
        ("resume_call", "begun"),
        ("resume_call", "done"),
    ]
    assert {action.principal for action in actions} == {SYSTEM}


async def test_the_reconciler_ends_a_pause_whose_message_was_lost(
    clients: Clients, connection: Connection
) -> None:
    call = await create_paused_call(clients, NOW)
    await reconciler.reconcile_call(clients, call, NOW + timedelta(minutes=5), send_nothing)
    assert connection.operations == ["start"]
    assert open_pause(await read_record(clients.storage, call)) is None


async def test_a_pause_goes_on_without_a_time_limit(
    clients: Clients, connection: Connection
) -> None:
    call = await create_paused_call(clients, None)
    await deadlines.on_message(message(call))
    await reconciler.reconcile_call(clients, call, NOW + timedelta(minutes=5), send_nothing)
    assert connection.operations == []


async def test_nothing_is_due_in_a_call_that_has_ended(
    clients: Clients, connection: Connection
) -> None:
    call = await create_paused_call(clients, NOW, "CallDisconnected")
    await deadlines.on_message(message(call))
    assert connection.operations == []


async def test_while_acs_does_not_answer_the_message_runs_again_and_the_reconciler_goes_on(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    call = await create_paused_call(clients, NOW)
    with pytest.raises(AcsUnavailable):
        await deadlines.on_message(message(call))
    assert f"deadline_missed call={call} error=AcsUnavailable" in caplog.text
    later = NOW + timedelta(minutes=5)
    assert not await reconciler.reconcile_call(clients, call, later, send_nothing)


async def test_a_message_that_names_no_call(caplog: pytest.LogCaptureFixture) -> None:
    await deadlines.on_message(b"{}")
    assert "deadline_message_malformed" in caplog.text
    await deadlines.on_message(message("nothing"))
    assert "deadline_without_call call=nothing" in caplog.text


async def test_the_reconciler_takes_the_next_step_of_an_announcement(
    clients: Clients, connection: Connection
) -> None:
    """The instance that was to have it played, or to start the streaming, died."""
    call = new_call_id()
    own = Announcement(policy="required", source="setting", text="This call is recorded.")
    fields = {"announcement": own, "start_streaming": True}
    await record_events(clients.storage, call, NOW, "CallConnected", **fields)
    await reconciler.reconcile_call(clients, call, NOW, send_nothing)
    assert connection.operations == ["play"]

    def complete(record: CallRecord) -> bool:
        assert record.announcement is not None
        record.announcement.plays[0].state = "completed"
        return True

    await change_record(clients.storage, call, complete)
    await deadlines.on_message(message(call))
    assert connection.operations == ["play", "start"]
