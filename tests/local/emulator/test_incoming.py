"""The emulator's phones: greeted and told as Event Grid does it, and who may answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from local.emulator.server import EmulatorServer, EmulatorSettings
from tests.e2e.ringing import told

RINGS = {"from": "+15559990000", "to": "8:acs:a_b"}


class Webhook:
    """Answers with each of ``statuses`` in turn, and keeps what it was sent."""

    def __init__(self, statuses: list[int], *, greets: bool) -> None:
        self._statuses = statuses
        self._greets = greets
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        (event,) = await request.json()
        kind = request.headers["aeg-event-type"]
        self.sent.append((kind, request.headers.get("aeg-delivery-count", ""), event))
        if kind == "SubscriptionValidation":
            code = event["data"]["validationCode"] if self._greets else "another"
            return web.json_response({"validationResponse": code})
        return web.Response(status=self._statuses.pop(0))


Start = Callable[..., Any]


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(
            *statuses: int, greets: bool = True
        ) -> tuple[Webhook, aiohttp.ClientSession]:
            webhook = Webhook(list(statuses), greets=greets)
            app = web.Application()
            app.router.add_post("/", webhook.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            address = f"http://127.0.0.1:{runner.addresses[0][1]}/" if statuses else ""
            acs = EmulatorServer(
                EmulatorSettings(
                    access_key="AAAA",
                    resource_id="resource",
                    port=0,
                    incoming_webhook=address,
                    ring_seconds=0.5,
                    redelivery_seconds=0.1,
                )
            )
            await acs.start()
            stack.push_async_callback(acs.stop)
            session = aiohttp.ClientSession(acs.endpoint)
            return webhook, await stack.enter_async_context(session)

        yield started


async def ring(emulator: aiohttp.ClientSession) -> str:
    async with emulator.post("/emulator/incoming", json=RINGS) as answer:
        shown = await answer.json()
    assert (answer.status, shown["state"]) == (201, "ringing")
    return str(shown["id"])


async def test_it_greets_once_and_tells_in_event_grid_s_schema(start: Start) -> None:
    webhook, emulator = await start(202, 202)
    for _ in range(2):
        shown = await told(emulator, await ring(emulator))
        assert shown["deliveries"] == [202]
    kinds = [kind for kind, _, _ in webhook.sent]
    assert kinds == ["SubscriptionValidation", "Notification", "Notification"]
    _, _, event = webhook.sent[-1]
    assert event["eventType"] == "Microsoft.Communication.IncomingCall"
    assert event["data"]["correlationId"] == shown["id"]
    assert event["data"]["to"]["communicationUser"] == {"id": RINGS["to"]}
    assert event["data"]["from"]["phoneNumber"] == {"value": RINGS["from"]}
    assert event["data"]["incomingCallContext"] not in str(shown)


async def test_what_was_not_taken_is_told_once_more_and_no_more(start: Start) -> None:
    webhook, emulator = await start(500, 503)
    shown = await told(emulator, await ring(emulator), deliveries=2)
    assert shown["deliveries"] == [500, 503]
    await asyncio.sleep(0.3)
    assert [count for kind, count, _ in webhook.sent if kind == "Notification"] == ["0", "1"]
    first, second = [event for kind, _, event in webhook.sent if kind == "Notification"]
    assert first == second


async def test_who_does_not_greet_back_is_told_nothing(start: Start) -> None:
    webhook, emulator = await start(202, greets=False)
    shown = await told(emulator, await ring(emulator), deliveries=2)
    assert shown["deliveries"] == [400, 400]
    assert {kind for kind, _, _ in webhook.sent} == {"SubscriptionValidation"}


async def test_a_phone_that_nobody_answers_rings_no_more(start: Start) -> None:
    _, emulator = await start(202)
    missed = await ring(emulator)
    await asyncio.sleep(0.6)
    assert (await told(emulator, missed))["state"] == "missed"


@pytest.mark.parametrize("body", [{}, {"to": "+1"}, RINGS | {"colour": "blue"}, {"to": 7}])
async def test_a_wrong_request_lets_nothing_ring(start: Start, body: dict[str, Any]) -> None:
    _, emulator = await start(202)
    async with emulator.post("/emulator/incoming", json=body) as answer:
        assert answer.status == 400


async def test_without_a_webhook_nothing_rings(start: Start) -> None:
    _, emulator = await start()
    async with emulator.post("/emulator/incoming", json=RINGS) as answer:
        assert answer.status == 409
    async with emulator.get("/emulator/incoming/none") as answer:
        assert answer.status == 404
