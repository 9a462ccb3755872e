"""Simulated incoming calls: their events, as Event Grid delivers them, and their states."""

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
from tests.local.waiting import until_async

CALL = {"from": "+15559990000", "to": "8:acs:a_b", "display_name": "John Doe"}


class Webhook:
    """Answers with each of ``statuses`` in turn, and keeps the events.

    Without ``validates`` it answers the validation with a wrong code.
    """

    def __init__(self, statuses: list[int], *, validates: bool) -> None:
        self._statuses = statuses
        self._validates = validates
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    async def answer(self, request: web.Request) -> web.Response:
        (event,) = await request.json()
        kind = request.headers["aeg-event-type"]
        self.events.append((kind, request.headers.get("aeg-delivery-count", ""), event))
        if kind == "SubscriptionValidation":
            code = event["data"]["validationCode"] if self._validates else "another"
            return web.json_response({"validationResponse": code})
        return web.Response(status=self._statuses.pop(0))


Start = Callable[..., Any]


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def start_emulator(
            *statuses: int, validates: bool = True, ring_seconds: float = 30.0
        ) -> tuple[Webhook, aiohttp.ClientSession]:
            webhook = Webhook(list(statuses), validates=validates)
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
                    ring_seconds=ring_seconds,
                    redelivery_seconds=0.05,
                )
            )
            await acs.start()
            stack.push_async_callback(acs.stop)
            session = aiohttp.ClientSession(acs.endpoint)
            return webhook, await stack.enter_async_context(session)

        yield start_emulator


async def simulate_incoming_call(emulator: aiohttp.ClientSession) -> str:
    async with emulator.post("/emulator/incoming", json=CALL) as response:
        call = await response.json()
    assert (response.status, call["state"]) == (201, "ringing")
    return str(call["id"])


async def show(emulator: aiohttp.ClientSession, call: str) -> dict[str, Any]:
    async with emulator.get(f"/emulator/incoming/{call}") as response:
        incoming: dict[str, Any] = await response.json()
        return incoming


async def wait_for_deliveries(
    emulator: aiohttp.ClientSession, call: str, deliveries: int = 1
) -> dict[str, Any]:
    async def reached() -> bool:
        return len((await show(emulator, call))["deliveries"]) >= deliveries

    await until_async(reached)
    return await show(emulator, call)


async def test_the_webhook_is_validated_once_and_gets_event_grid_s_schema(start: Start) -> None:
    webhook, emulator = await start(202, 202)
    for _ in range(2):
        incoming = await wait_for_deliveries(emulator, await simulate_incoming_call(emulator))
        assert incoming["deliveries"] == [202]
    kinds = [kind for kind, _, _ in webhook.events]
    assert kinds == ["SubscriptionValidation", "Notification", "Notification"]
    _, _, event = webhook.events[-1]
    assert event["eventType"] == "Microsoft.Communication.IncomingCall"
    assert event["data"]["correlationId"] == incoming["id"]
    assert event["data"]["to"]["communicationUser"] == {"id": CALL["to"]}
    assert event["data"]["from"]["phoneNumber"] == {"value": CALL["from"]}
    assert event["data"]["callerDisplayName"] == CALL["display_name"]
    assert event["data"]["incomingCallContext"] not in str(incoming)


async def test_a_failed_event_is_delivered_once_more_and_not_again(start: Start) -> None:
    webhook, emulator = await start(500, 503)
    call = await simulate_incoming_call(emulator)
    incoming = await wait_for_deliveries(emulator, call, deliveries=2)
    assert incoming["deliveries"] == [500, 503]
    # Four times the redelivery interval, in which nothing must come.
    await asyncio.sleep(0.2)
    assert (await show(emulator, call))["deliveries"] == [500, 503]
    assert [count for kind, count, _ in webhook.events if kind == "Notification"] == ["0", "1"]
    first, second = [event for kind, _, event in webhook.events if kind == "Notification"]
    assert first == second


async def test_a_webhook_that_fails_the_validation_gets_no_events(start: Start) -> None:
    webhook, emulator = await start(202, validates=False)
    call = await simulate_incoming_call(emulator)
    incoming = await wait_for_deliveries(emulator, call, deliveries=2)
    assert incoming["deliveries"] == [400, 400]
    assert {kind for kind, _, _ in webhook.events} == {"SubscriptionValidation"}


async def test_a_call_that_nobody_answers_is_missed(start: Start) -> None:
    _, emulator = await start(202, ring_seconds=0.2)
    call = await simulate_incoming_call(emulator)
    await wait_for_deliveries(emulator, call)

    async def is_missed() -> bool:
        return bool((await show(emulator, call))["state"] == "missed")

    await until_async(is_missed)


@pytest.mark.parametrize("body", [{}, {"to": "+1"}, CALL | {"colour": "blue"}, {"to": 7}])
async def test_a_wrong_request_is_refused(start: Start, body: dict[str, Any]) -> None:
    _, emulator = await start(202)
    async with emulator.post("/emulator/incoming", json=body) as response:
        assert response.status == 400


async def test_without_a_webhook_incoming_calls_are_refused(start: Start) -> None:
    _, emulator = await start()
    async with emulator.post("/emulator/incoming", json=CALL) as response:
        assert response.status == 409
    async with emulator.get("/emulator/incoming/none") as response:
        assert response.status == 404
