"""Delivery of callback events: retries, repeats and tokens."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from local.emulator import callbacks
from local.emulator.callbacks import CallbackSender
from local.emulator.faults import Faults
from local.emulator.keys import SigningKeys

EVENTS = [{"type": "Microsoft.Communication.CallConnected"}]


class Receiver:
    """Answers with each of ``statuses`` in turn, then 200; keeps the Authorization headers."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.authorizations: list[str | None] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        assert await request.json() == EVENTS
        self.authorizations.append(request.headers.get("Authorization"))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest_asyncio.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    monkeypatch.setattr(callbacks, "_FIRST_BACKOFF_SECONDS", 0.0)
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield receiver
    await runner.cleanup()


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[CallbackSender]:
    sender = CallbackSender(SigningKeys("issuer", "audience"))
    await sender.start()
    yield sender
    await sender.stop()


async def test_a_failed_delivery_is_tried_again_and_logged(
    receiver: Receiver, sender: CallbackSender, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses = [500, 503]
    with caplog.at_level(logging.WARNING):
        await sender.post(receiver.url, EVENTS, Faults())
    assert len(receiver.authorizations) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "callback_delivery_failed type=Microsoft.Communication.CallConnected attempt=1 "
        'reason="HTTP 500"',
        "callback_delivery_failed type=Microsoft.Communication.CallConnected attempt=2 "
        'reason="HTTP 503"',
    ]


async def test_an_event_is_dropped_after_four_failures(
    receiver: Receiver, sender: CallbackSender
) -> None:
    receiver.statuses = [500] * 9
    await sender.post(receiver.url, EVENTS, Faults())
    assert len(receiver.authorizations) == 4


async def test_events_are_repeated_and_tokens_forged(
    receiver: Receiver, sender: CallbackSender
) -> None:
    await sender.post(receiver.url, EVENTS, Faults(repeat_events=True))
    await sender.post(receiver.url, EVENTS, Faults(callback_token="none"))
    signed, repeated, unsigned = receiver.authorizations
    assert signed is not None
    assert repeated is not None
    assert unsigned is None
