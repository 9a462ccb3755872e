"""Events over the running system: followed live, and delivered to the call's own webhook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.client import AppClient, streaming_is
from tests.calls.events.post_office import SECRET, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def received_until(receiver: Receiver, reached: Callable[[set[str]], bool]) -> list[Any]:
    """The events that a receiver has got, each once and verified, when their types are enough."""
    deadline = time.monotonic() + 150
    while True:
        events = {each.event["id"]: each for each in receiver.received}
        types = {each.event["type"] for each in events.values()}
        if reached(types):
            return [Webhook(SECRET).verify(each.body, each.headers) for each in events.values()]
        assert time.monotonic() < deadline, types
        await asyncio.sleep(0.2)


async def follow_until(app: AppClient, call: str, last: str) -> list[Any]:
    """Follow a call by long polling until an event of a type; return all events."""
    path, cursor, events = f"/api/v1/calls/{call}/events", "", list[Any]()
    deadline = time.monotonic() + 150
    while last not in [event["type"] for event in events]:
        assert time.monotonic() < deadline, events
        query = f"?wait_s=20&after={cursor}" if cursor else ""
        status, document, _ = await app.request("GET", path + query)
        assert status == 200
        events += document["events"]
        cursor = document["cursor"]
    return events


async def test_a_call_is_followed_and_its_own_webhook_is_told_of_it(app: AppClient) -> None:
    async with Receiver() as receiver:
        call = str(
            (
                await app.place_call(
                    to="+15557770003", **{"from": "+15557770004"}, webhook_url=receiver.url
                )
            )["call_connection_id"]
        )
        await app.until(call, streaming_is("active"), "streaming starts")
        following = asyncio.create_task(follow_until(app, call, "call.final"))
        await received_until(receiver, lambda types: "segment.ready" in types)
        await app.hang_up(call)
        live = await following
        every = {"call.connected", "call.streaming", "segment.ready", "call.final"}
        delivered = await received_until(receiver, lambda types: types >= every)
        assert {event["subject"] for event in [*live, *delivered]} == {call}
        assert {event["type"] for event in live} == every
        by_id = {event["id"]: event for event in live}
        for event in delivered:
            # Both ways have the same events, with the same ids.
            assert event["type"] == "segment.ready" or by_id[event["id"]] == event
        assert "1555777" not in str([*live, *delivered]), "no event has a number"

        status, _, _ = await app.request("DELETE", f"/api/v1/calls/{call}")
        assert status == 202
        await received_until(receiver, lambda types: "call.deleted" in types)
        status, problem, _ = await app.request("GET", f"/api/v1/calls/{call}/events")
        assert (status, problem["code"]) == (410, "call_deleted")


async def test_a_webhook_on_another_host_is_refused(app: AppClient) -> None:
    body = {"to": "+15557770003", "from": "+15557770004", "webhook_url": "https://evil.example/x"}
    status, problem, _ = await app.request("POST", "/api/v1/calls", body)
    assert (status, problem["errors"][0]["field"]) == (400, "webhook_url")
