"""The queues of events and deliveries on a clock that a test moves, and receivers of webhooks."""

from __future__ import annotations

import base64
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

import msgspec
from aiohttp import web
from azure.core.exceptions import ServiceRequestError

from calls.clients import DELIVERY_QUEUE, EVENT_QUEUE, Clients
from calls.events.delivery import Deliverer
from calls.events.dispatch import distribute
from calls.events.messages import decode_delivery, decode_event
from calls.events.sender import WebhookSender
from calls.events.topic import TopicPublisher
from calls.subscribers import Subscribers

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER_KEY = bytes(range(100, 132))
OTHER_SECRET = "whsec_" + base64.b64encode(OTHER_KEY).decode()


class Queued(NamedTuple):
    due_at: datetime
    number: int
    body: bytes


class FakeQueue:
    """A queue; while it ``is_away``, it does not answer."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office
        self.messages: list[Queued] = []
        self.is_away = False

    async def send_message(self, content: str, visibility_timeout: int = 0) -> None:
        if self.is_away:
            raise ServiceRequestError("away")
        due_at = self._office.now + timedelta(seconds=visibility_timeout)
        self._office.sent += 1
        self.messages.append(Queued(due_at, self._office.sent, base64.b64decode(content)))

    async def close(self) -> None:
        """As a client's."""


class PostOffice:
    """Runs the functions of both queues, on a clock that jumps to each message's time."""

    def __init__(self, clients: Clients, sender: WebhookSender) -> None:
        self.now = datetime.now(UTC)
        self.sent = 0
        self.clients = clients
        self.events, self.deliveries = FakeQueue(self), FakeQueue(self)
        queues: Any = clients._queues
        queues[EVENT_QUEUE], queues[DELIVERY_QUEUE] = self.events, self.deliveries
        clients.storage.subscribers = Subscribers(lambda: clients.queue(EVENT_QUEUE))
        self.sender = sender
        self.topic: TopicPublisher | None = None
        self._deliverer: Deliverer | None = None

    def configure(self, **settings: Any) -> None:
        """Change the app's settings."""
        self.clients.settings = msgspec.structs.replace(self.clients.settings, **settings)

    async def run(self, **duration: float) -> None:
        """Run what is due within a time."""
        end = self.now + timedelta(**duration)
        while message := self._next(end):
            queue, queued = message
            queue.messages.remove(queued)
            self.now = max(self.now, queued.due_at)
            if queue is self.events:
                await distribute(self.clients, decode_event(queued.body), lambda: self.now)
            else:
                await self.deliverer.deliver(decode_delivery(queued.body))
        self.now = end

    @property
    def deliverer(self) -> Deliverer:
        if self._deliverer is None:
            self._deliverer = Deliverer(
                self.clients,
                self.sender,
                self.topic,
                clock=lambda: self.now,
                monotonic=self._seconds,
            )
        return self._deliverer

    def _seconds(self) -> float:
        return self.now.timestamp()

    async def distribute_events(self) -> None:
        """Run the function of the queue of events for all that waits there."""
        while self.events.messages:
            message = decode_event(self.events.messages.pop(0).body)
            await distribute(self.clients, message, lambda: self.now)

    async def distribute_due(self) -> None:
        """Run the function of the queue of events once for all that is due there."""
        due = [message for message in self.events.messages if message.due_at <= self.now]
        for message in due:
            self.events.messages.remove(message)
            await distribute(self.clients, decode_event(message.body), lambda: self.now)

    def _next(self, end: datetime) -> tuple[FakeQueue, Queued] | None:
        waiting = [(q, m) for q in (self.events, self.deliveries) for m in q.messages]
        due = [(queue, message) for queue, message in waiting if message.due_at <= end]
        return min(due, key=lambda pair: pair[1][:2], default=None)


class Received(NamedTuple):
    """What a receiver got."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """A receiver of webhooks. Until it ``opens``, its port refuses connections."""

    def __init__(self, answer: Answer | None = None, status: int = 204) -> None:
        self.received: list[Received] = []
        self.status = status
        self._answer = answer
        self._socket = socket.socket()
        # Bound, and not listening: nobody else can take the port meanwhile.
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(headers, await request.read()))
        if self._answer is not None:
            return await self._answer(request)
        return web.Response(status=self.status)
