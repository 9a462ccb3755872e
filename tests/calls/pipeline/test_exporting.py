"""The queue of exports: what a message does, and what is left when all of its runs have failed."""

from __future__ import annotations

import logging

import pytest

from calls.clients import Clients
from calls.pipeline import exporting
from calls.results.export_messages import request_export
from calls.results.exports import read_progress, read_zip
from tests.calls.results.test_exports import order
from tests.calls.sample_streams import new_call_id


@pytest.fixture(autouse=True)
def own_clients(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "get_clients", lambda: clients)


def message(call: str, source: str) -> bytes:
    messages: list[str] = []
    request_export(call, source, messages.append)
    return messages[0].encode()


async def test_a_message_builds_the_export(clients: Clients) -> None:
    call = new_call_id()
    ordered = await order(clients.storage, call)
    await exporting.on_message(message(call, ordered.source))
    assert await read_zip(clients.storage, call, ordered.source) is not None


async def test_a_message_without_an_order_does_nothing(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await exporting.on_message(message(new_call_id(), "0"))
    assert "export_skipped" in caplog.text


async def test_a_malformed_message_goes_to_the_poison_queue_and_is_dropped_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ValueError, match="not a message"):
        await exporting.on_message(b"{}")
    await exporting.on_poison_message(b"{}")
    assert "export_message_malformed" in caplog.text


async def test_a_poison_message_fails_the_export(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    call = new_call_id()
    ordered = await order(clients.storage, call)
    await exporting.on_poison_message(message(call, ordered.source))
    progress = await read_progress(clients.storage, call)
    assert progress is not None
    assert progress.state == "failed"
    assert "export_failed" in caplog.text
