"""The functions of deletions: one message runs one deletion, and the timer the rest."""

from __future__ import annotations

import msgspec
import pytest

from calls import blobs
from calls.clients import Clients
from calls.pipeline import expiry, retention
from calls.pipeline.retention import (
    enforce_retention,
    on_message,
    on_poison_message,
    run_unfinished,
)
from calls.records.dispositions import is_deleted
from calls.retention import run
from calls.retention.deletions import begin_deletion, list_unfinished, read_deletion
from tests.calls.handler_requests import create_record
from tests.calls.retention.calls_to_delete import ADMIN, Clock
from tests.calls.sample_streams import new_call_id
from tests.calls.stream_uploader import send_nothing


@pytest.fixture
def own_clients(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Clients:
    clients.settings = msgspec.structs.replace(clients.settings, soft_delete_days=7)
    monkeypatch.setattr(retention, "get_clients", lambda: clients)
    return clients


async def begin(clients: Clients) -> str:
    call = new_call_id()
    await create_record(clients, call)
    deletion = await begin_deletion(clients.storage, call, "call", ADMIN, Clock()())
    return deletion.receipt.id


async def test_a_message_runs_its_deletion(own_clients: Clients) -> None:
    id_ = await begin(own_clients)
    await on_message(msgspec.json.encode({"deletion": id_}), send_nothing)
    receipt = (await read_deletion(own_clients.storage, id_)).receipt
    assert receipt.state == "completed"
    assert receipt.completed_at is not None
    assert receipt.restorable_until is not None
    assert (receipt.restorable_until - receipt.completed_at).days == 7


async def test_a_run_that_has_no_time_left_asks_for_another(
    own_clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, messages = await begin(own_clients), list[str]()
    monkeypatch.setattr(run, "RUN_SECONDS", -1)
    await on_message(msgspec.json.encode({"deletion": id_}), messages.append)
    (message,) = messages
    monkeypatch.undo()
    monkeypatch.setattr(retention, "get_clients", lambda: own_clients)
    await on_message(message.encode(), messages.append)
    assert len(messages) == 1
    assert (await read_deletion(own_clients.storage, id_)).receipt.state == "completed"


async def test_a_malformed_message_is_dropped(
    own_clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    await on_message(b"{}", send_nothing)
    assert "deletion_message_malformed" in caplog.text


def test_a_message_that_always_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    on_poison_message(msgspec.json.encode({"deletion": "0f" * 16}))
    assert f"deletion_message_failed deletion={'0f' * 16}" in caplog.text
    on_poison_message(b"{")
    assert "deletion_message_failed deletion=-" in caplog.text


async def test_the_timer_runs_what_no_message_has_run(
    own_clients: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A deletion that fails does not stop the others."""
    ids = [await begin(own_clients) for _ in range(3)]
    broken = ids[0]
    await own_clients.storage.put(blobs.RETENTION, blobs.deletion_blob(broken), b"{")
    monkeypatch.setattr(expiry, "list_expiries", _list_none)
    await enforce_retention()
    unfinished = await list_unfinished(own_clients.storage)
    assert broken in unfinished
    assert not set(ids[1:]) & set(unfinished)
    assert f"deletion_failed deletion={broken}" in caplog.text
    await own_clients.storage.delete(blobs.RETENTION, blobs.unfinished_blob(broken))


async def _list_none(*_: object) -> list[object]:
    return []


async def test_a_run_of_the_timer_is_bounded(
    own_clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await begin(own_clients)
    monkeypatch.setattr(expiry, "RUN_TIME", expiry.RUN_TIME * 0)
    await run_unfinished(own_clients, Clock())
    assert id_ in await list_unfinished(own_clients.storage)
    call = (await read_deletion(own_clients.storage, id_)).receipt.call_connection_id
    assert await is_deleted(own_clients.storage, call)
