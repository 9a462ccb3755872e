"""Publishing to an Event Grid topic: the request that Microsoft documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from calls.clients import Clients
from calls.events.outcomes import DELIVERED
from calls.events.topic import SCOPE, TopicPublisher
from tests.calls.call_events import record_events
from tests.calls.events.post_office import PostOffice
from tests.calls.events.test_delivery import NOW, letters_of
from tests.calls.sample_streams import new_call_id


class Identity:
    """A managed identity; without a token it fails as azure-identity does."""

    def __init__(self, token: str | None = "a-token") -> None:
        self.token = token
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        if self.token is None:
            raise ClientAuthenticationError("no identity")
        return AccessToken(self.token, 2**40)


class Topic:
    """A stand-in for a custom topic. It answers with ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.release: asyncio.Event | None = None
        self.endpoint = ""

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.path_qs, headers, await request.json()))
        if self.release is not None:
            await self.release.wait()
        return web.Response(status=self.status)


@pytest.fixture
async def topic() -> AsyncIterator[Topic]:
    topic = Topic()
    application = web.Application()
    application.router.add_post("/api/events", topic.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address: Any = runner.addresses[0]
    topic.endpoint = f"http://127.0.0.1:{address[1]}/api/events"
    yield topic
    await runner.cleanup()


async def publish(topic: Topic, **options: Any) -> Any:
    # Over http://, azure-core sends no token.
    publisher = TopicPublisher(topic.endpoint, None, **options)
    try:
        return await publisher.publish(b'{"id": "evt_1"}')
    finally:
        await publisher.close()


async def test_an_event_is_published_as_the_cloud_event_that_it_is(topic: Topic) -> None:
    assert await publish(topic) == DELIVERED
    ((path, headers, event),) = topic.requests
    assert path == "/api/events?api-version=2018-01-01"
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert event == {"id": "evt_1"}


async def test_the_managed_identity_s_token_is_for_event_grid_and_never_sent_in_the_clear(
    topic: Topic,
) -> None:
    identity = Identity()
    publisher = TopicPublisher(topic.endpoint, identity)
    outcome = await publisher.publish(b"{}")
    await publisher.close()
    assert outcome.error is not None
    assert topic.requests == []
    nobody = Identity(token=None)
    secure = TopicPublisher(topic.endpoint.replace("http:", "https:"), nobody)
    assert (await secure.publish(b"{}")).error == "the managed identity got no token"
    await secure.close()
    assert nobody.scopes == [SCOPE]


async def test_what_the_topic_does_not_take_is_tried_again(topic: Topic) -> None:
    topic.status = 410
    outcome = await publish(topic)
    assert (outcome.error, outcome.is_gone) == ("status 410", False), "410 is for webhooks"
    topic.release = asyncio.Event()
    assert (await publish(topic, timeout_seconds=0.2)).error == "no answer within 0.2 s"
    topic.release.set()
    topic.endpoint = "http://127.0.0.1:9/api/events"
    assert str((await publish(topic)).error).startswith("no connection")


async def test_the_same_events_go_to_webhooks_and_to_the_topic(
    office: PostOffice, topic: Topic, clients: Clients
) -> None:
    office.configure(webhooks="", webhook_secrets="", event_grid_topic_endpoint=topic.endpoint)
    office.topic = TopicPublisher(topic.endpoint, None)
    clients.on_close(office.topic.close)
    call = new_call_id()
    await record_events(clients.storage, call, NOW, "CallConnected")
    topic.status = 503
    await office.run(minutes=1)
    topic.status = 200
    await office.run(minutes=5)
    events = [event for _, _, event in topic.requests]
    assert len(events) >= 2
    assert len({event["id"] for event in events}) == 1
    assert {event["subject"] for event in events} == {call}
    assert await letters_of(office, call) == []
