"""Blob triggers with the Event Grid source: webhook, queue, retries, poison, as the real host.

Source: ``Microsoft.Azure.WebJobs.Extensions.Storage.Blobs``: the webhook turns every event into a
queue message and answers 202, even for a function that is not there; a failed message is tried
again until ``poisonBlobThreshold``, then goes to ``webjobs-blobtrigger-poison``; a blob that is
gone is no failure.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import logging
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.worker import Function, InvocationError, invoke

POISON_QUEUE = "webjobs-blobtrigger-poison"
WEBHOOK = "/runtime/webhooks/blobs"

_log = logging.getLogger(__name__)
_INVISIBLE_SECONDS = 600
# For what becomes visible again; what is new is told by our own webhook.
_IDLE_SECONDS = 1.0


class BlobListener:
    """Turns Event Grid events into invocations.

    ``retry_seconds`` is how long a failed message stays invisible.
    """

    def __init__(
        self,
        functions: list[Function],
        connection: str,
        *,
        key: str,
        parallelism: int,
        threshold: int,
        retry_seconds: int,
    ) -> None:
        self._functions = {
            f"Host.Functions.{function.name}": function
            for function in functions
            if function.kind == "blobTrigger"
        }
        self._key = key
        self._parallelism = parallelism
        self._threshold = threshold
        self._retry_seconds = retry_seconds
        self._blobs = BlobServiceClient.from_connection_string(connection)
        self._queue = QueueClient.from_connection_string(
            connection, "azure-webjobs-blobtrigger-local"
        )
        self._poison = QueueClient.from_connection_string(connection, POISON_QUEUE)
        self._enqueued = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, app: web.Application) -> None:
        """Make the queues, serve the webhook, and listen."""
        for queue in (self._queue, self._poison):
            with contextlib.suppress(ResourceExistsError):
                await queue.create_queue()
        self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Take no more; let what runs finish."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=30)
        for client in (self._blobs, self._queue, self._poison):
            await client.close()

    async def webhook(self, request: web.Request) -> web.Response:
        """Event Grid's deliveries: 200 for the validation, 202 for events, 401 for a wrong key."""
        if not hmac.compare_digest(request.query.get("code", "").encode(), self._key.encode()):
            return web.Response(status=401)
        try:
            events = json.loads(await request.read())
            for event in events:
                if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
                    return web.json_response(
                        {"validationResponse": event["data"]["validationCode"]}
                    )
            for event in events:
                await self._enqueue(request.query.get("functionName", ""), event)
        except (ValueError, KeyError, TypeError) as error:
            return web.Response(status=400, text=f"no Event Grid events: {error!r}")
        return web.Response(status=202)

    async def _enqueue(self, function_id: str, event: dict[str, Any]) -> None:
        path = unquote(urlsplit(event["data"]["url"]).path)
        # An Azurite URL begins with the account's name.
        _, _, container, blob = path.split("/", 3)
        message = {
            "FunctionId": function_id,
            "BlobType": event["data"].get("blobType", "BlockBlob"),
            "ContainerName": container,
            "BlobName": blob,
            "ETag": event["data"].get("eTag", ""),
        }
        await self._queue.send_message(base64.b64encode(json.dumps(message).encode()).decode())
        self._enqueued.set()

    async def _listen(self) -> None:
        while True:
            room = self._parallelism - len(self._running)
            if room <= 0:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                continue
            found = 0
            self._enqueued.clear()
            try:
                messages = self._queue.receive_messages(
                    max_messages=room, visibility_timeout=_INVISIBLE_SECONDS
                )
                async for message in messages:
                    found += 1
                    task = asyncio.create_task(self._handle(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    if found >= room:
                        break
            except AzureError as error:
                _log.error("the trigger's queue cannot be read: %s", type(error).__name__)
                await asyncio.sleep(1)
            if not found:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._enqueued.wait(), _IDLE_SECONDS)

    async def _handle(self, message: QueueMessage) -> None:
        try:
            await self._try(message)
        except AzureError as error:
            # The message becomes visible again by itself.
            _log.error("a blob's message could not be settled: %s", type(error).__name__)

    async def _try(self, message: QueueMessage) -> None:
        parsed = json.loads(base64.b64decode(message.content))
        function = self._functions.get(parsed["FunctionId"])
        if function is None:
            _log.warning("no function %s: its event is dropped", parsed["FunctionId"])
        else:
            try:
                await self._run(function, parsed["ContainerName"], parsed["BlobName"])
            except InvocationError as error:
                tries = message.dequeue_count or 1
                _log.error("%s failed, try %d:\n%s", function.name, tries, error)
                if tries < self._threshold:
                    await self._queue.update_message(
                        message, visibility_timeout=self._retry_seconds
                    )
                    return
                await self._poison.send_message(message.content)
                _log.error("%s/%s is poison", parsed["ContainerName"], parsed["BlobName"])
        await self._queue.delete_message(message)

    async def run(self, function: Function, path: str) -> None:
        """Run a blob function for ``container/blob``, as ``POST /admin/functions/NAME`` does."""
        container, _, blob = path.partition("/")
        await self._run(function, container, blob)

    async def _run(self, function: Function, container: str, blob: str) -> None:
        client = self._blobs.get_blob_client(container, blob)
        try:
            download = await client.download_blob()
            content = await download.readall()
        except ResourceNotFoundError:
            _log.info("%s/%s is gone", container, blob)
            return
        metadata = {
            "BlobTrigger": Datum(f"{container}/{blob}", "string"),
            "Uri": Datum(client.url, "string"),
            "Properties": Datum(json.dumps({"Length": len(content)}), "json"),
            "Metadata": Datum(json.dumps(download.properties.metadata or {}), "json"),
        }
        for name, value in _bound(function.trigger["path"], f"{container}/{blob}").items():
            metadata[name] = Datum(value, "string")
        await invoke(function, Datum(content, "bytes"), metadata)


def _bound(pattern: str, path: str) -> dict[str, str]:
    """The values that a path binds: ``segments/{name}`` binds ``name``."""
    expression = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(pattern))
    match = re.fullmatch(expression, path)
    return match.groupdict() if match else {}
