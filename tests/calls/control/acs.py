"""ACS for the tests of call control: the emulator, and everything that it sends to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import azure.functions as func
from aiohttp import web
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from calls import blobs
from calls.clients import Clients
from calls.principals import Principal
from contract import names
from contract.grants import StreamGrant, decode_grant
from local.emulator.server import EmulatorServer
from tests.calls.emulator import create_emulator

CALLED, CALLER = "+15551230000", "+15559990000"
RING_SECONDS = 30.0

Event = dict[str, Any]
CreateClients = Callable[..., Clients]

PRINCIPAL = Principal(kind="key", id="a-key", name="a key")
"""Whose calls they are."""


class Acs:
    """The emulator with one server for all that it sends: events, callbacks and media.

    IncomingCall events wait until a test takes them; callback events are only counted.
    """

    def __init__(self) -> None:
        self._incoming_events: asyncio.Queue[Event] = asyncio.Queue()
        self._stack = AsyncExitStack()
        self._tokens: list[str] = []
        self.callback_types: list[str] = []
        self.callback_received = asyncio.Event()
        self.url = ""
        self.emulator: EmulatorServer
        self.session: aiohttp.ClientSession

    async def start(self, answer_seconds: float) -> None:
        app = web.Application()
        app.router.add_post("/incoming", self._receive_incoming_call)
        app.router.add_post("/api/v1/callbacks", self._receive_callbacks)
        app.router.add_get("/media/{token}", self._receive_media)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.emulator = create_emulator(
            incoming_webhook=f"{self.url}/incoming",
            ring_seconds=RING_SECONDS,
            answer_seconds=answer_seconds,
        )
        await self.emulator.start()
        self._stack.push_async_callback(self.emulator.stop)
        session = aiohttp.ClientSession(self.emulator.endpoint)
        self.session = await self._stack.enter_async_context(session)

    async def stop(self) -> None:
        await self._stack.aclose()

    @property
    def media_url(self) -> str:
        """A STREAMER_URL whose WebSocket accepts every stream."""
        return self.url.replace("http:", "ws:")

    async def _receive_incoming_call(self, request: web.Request) -> web.Response:
        (event,) = await request.json()
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            return web.json_response({"validationResponse": event["data"]["validationCode"]})
        await self._incoming_events.put(event)
        return web.Response(status=202)

    async def _receive_callbacks(self, request: web.Request) -> web.Response:
        self.callback_types += [event["type"].rpartition(".")[2] for event in await request.json()]
        self.callback_received.set()
        return web.Response()

    async def _receive_media(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def wait_for_callback(self, type_: str) -> None:
        """Wait until a callback event of this type has been sent."""
        async with asyncio.timeout(120):
            while type_ not in self.callback_types:
                self.callback_received.clear()
                await self.callback_received.wait()

    async def simulate_incoming_call(
        self, to: str = CALLED, from_: str = CALLER, **options: Any
    ) -> Event:
        """Call a number; returns Event Grid's IncomingCall event."""
        body = {"from": from_, "to": to, **options}
        async with self.session.post("/emulator/incoming", json=body) as response:
            assert response.status == 201
        return await self._incoming_events.get()

    async def set_faults(self, **faults: Any) -> None:
        """Set the faults of coming calls; without arguments, remove them."""
        async with self.session.post("/emulator/faults", json=faults) as response:
            assert response.status == 200

    async def set_call_faults(self, call: str, **faults: Any) -> None:
        """Set the faults of one call."""
        async with self.session.post(f"/emulator/calls/{call}/faults", json=faults) as response:
            assert response.status == 200

    async def read_incoming_call(self, event: Event) -> Event:
        """The emulator's view of an incoming call."""
        path = f"/emulator/incoming/{correlation_id_of(event)}"
        async with self.session.get(path) as response:
            incoming_call: Event = await response.json()
            return incoming_call

    async def read_requests(self, call: str) -> list[dict[str, Any]]:
        """The requests that changed a call: ``operation`` and ``body``."""
        async with self.session.get(f"/emulator/calls/{call}/requests") as response:
            requests: list[dict[str, Any]] = await response.json()
            return requests

    async def read_streaming_options(self, call: str, operation: str) -> dict[str, Any]:
        """The media streaming options of the request that placed or answered a call."""
        (request,) = await self.read_requests(call)
        assert request["operation"] == operation
        options: dict[str, Any] = request["body"]["mediaStreamingOptions"]
        return options

    def count(self, request: str) -> int:
        """How often the emulator got a request, such as ``POST answer``."""
        return self.emulator.requests.get(request, 0)


def correlation_id_of(event: Event) -> str:
    return str(event["data"]["correlationId"])


def to_trigger_input(event: Event) -> func.EventGridEvent:
    """The event as the worker's own converter gives it to the function."""
    decoded = EventGridEventInConverter.decode(
        Datum(json.dumps(event), "json"), trigger_metadata=None
    )
    assert isinstance(decoded, func.EventGridEvent)
    return decoded


class NewBlobs:
    """The blobs in the containers that call control writes, apart from those of other tests."""

    def __init__(self, clients: Clients, existing: set[str]) -> None:
        self._clients = clients
        self._existing = existing

    @classmethod
    async def since_now(cls, clients: Clients) -> NewBlobs:
        """All blobs that are written from now on."""
        return cls(clients, await cls._list_all(clients))

    @staticmethod
    async def _list_all(clients: Clients) -> set[str]:
        return {
            f"{container}/{blob}"
            for container in (blobs.CALLS, names.GRANTS, blobs.IDEMPOTENCY)
            for blob in await clients.storage.blob_names(container, "")
            # Whose grants are whose: tests/calls/control/test_grant_end.py.
            if not (container == names.GRANTS and blob.startswith("calls/"))
        }

    async def list_paths(self) -> list[str]:
        """The new blobs as ``container/name``."""
        return sorted(await self._list_all(self._clients) - self._existing)

    async def list_containers(self) -> list[str]:
        """The container of each new blob."""
        return [path.partition("/")[0] for path in await self.list_paths()]

    async def read_grants(self) -> list[StreamGrant]:
        """The new stream grants."""
        grants = []
        for path in await self.list_paths():
            container, _, name = path.partition("/")
            if container == names.GRANTS:
                document = await self._clients.storage.read(container, name)
                assert document is not None
                grants.append(decode_grant(document.content))
        return grants
