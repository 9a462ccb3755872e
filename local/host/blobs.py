"""Blob triggers with the Event Grid source: webhook, queue, retries, poison queue.

Source: ``Microsoft.Azure.WebJobs.Extensions.Storage.Blobs``. The webhook turns every event into a
queue message and answers 202, even for an unknown function. A failed message is tried again until
``poisonBlobThreshold``, then moved to ``webjobs-blobtrigger-poison``. A deleted blob is not a
failure.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from event_log import log_event
from local.host.worker import Function, InvocationError, invoke, log_failure

POISON_QUEUE = "webjobs-blobtrigger-poison"
WEBHOOK = "/runtime/webhooks/blobs"

_log = logging.getLogger(__name__)
_INVISIBLE_SECONDS = 600
# New messages and retries wake the listener earlier.
_IDLE_SECONDS = 1.0


class BlobListener:
    """Turns Event Grid events into invocations.

    Args:
        functions: The app's functions; those without a blob trigger are ignored.
        connection: Connection string of the storage with the blobs and the queues.
        key: The key that the webhook requires.
        parallelism: How many functions run at the same time.
        threshold: How many attempts a blob gets before it goes to the poison queue.
        retry_seconds: How long a failed message stays invisible.
        notify: Called with the poison queue's name when a message has been moved there.
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
        notify: Callable[[str], None],
    ) -> None:
        self._notify = notify
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
        self._wake = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Create the queues and listen to them."""
        for queue in (self._queue, self._poison):
            with contextlib.suppress(ResourceExistsError):
                await queue.create_queue()
        self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening; let running functions finish."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=30)
        for client in (self._blobs, self._queue, self._poison):
            await client.close()

    async def webhook(self, request: web.Request) -> web.Response:
        """Answer Event Grid: 200 for a validation, 202 for events, 400, 401 for a wrong key."""
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
            return web.Response(status=400, text=f"not a list of Event Grid events: {error!r}")
        return web.Response(status=202)

    async def _enqueue(self, function_id: str, event: dict[str, Any]) -> None:
        path = unquote(urlsplit(event["data"]["url"]).path)
        # The path of an Azurite URL begins with the account name.
        _, _, container, blob = path.split("/", 3)
        message = {
            "FunctionId": function_id,
            "BlobType": event["data"].get("blobType", "BlockBlob"),
            "ContainerName": container,
            "BlobName": blob,
            "ETag": event["data"].get("eTag", ""),
        }
        await self._queue.send_message(base64.b64encode(json.dumps(message).encode()).decode())
        self._wake.set()

    async def _listen(self) -> None:
        while True:
            capacity = self._parallelism - len(self._running)
            if capacity <= 0:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                continue
            received = 0
            self._wake.clear()
            try:
                messages = self._queue.receive_messages(
                    max_messages=capacity, visibility_timeout=_INVISIBLE_SECONDS
                )
                async for message in messages:
                    received += 1
                    task = asyncio.create_task(self._handle(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                    if received >= capacity:
                        break
            except AzureError as error:
                log_event(
                    _log, logging.ERROR, "trigger_queue_unreadable", error=type(error).__name__
                )
                await asyncio.sleep(1)
            if not received:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _IDLE_SECONDS)

    async def _handle(self, message: QueueMessage) -> None:
        try:
            await self._process(message)
        except AzureError as error:
            # The message becomes visible again by itself.
            log_event(_log, logging.ERROR, "message_not_settled", error=type(error).__name__)

    async def _process(self, message: QueueMessage) -> None:
        event = json.loads(base64.b64decode(message.content))
        function = self._functions.get(event["FunctionId"])
        if function is None:
            log_event(
                _log,
                logging.WARNING,
                "blob_event_dropped",
                function=event["FunctionId"],
                reason="unknown_function",
            )
        else:
            try:
                await self._run(function, event["ContainerName"], event["BlobName"])
            except InvocationError as error:
                attempt = message.dequeue_count or 1
                log_failure(function, error, attempt=attempt)
                if attempt < self._threshold:
                    await self._queue.update_message(
                        message, visibility_timeout=self._retry_seconds
                    )
                    asyncio.get_running_loop().call_later(self._retry_seconds, self._wake.set)
                    return
                await self._poison.send_message(message.content)
                self._notify(POISON_QUEUE)
                log_event(
                    _log,
                    logging.ERROR,
                    "blob_poisoned",
                    container=event["ContainerName"],
                    blob=event["BlobName"],
                )
        await self._queue.delete_message(message)

    async def run(self, function: Function, path: str) -> None:
        """Run a function for ``container/blob`` now. Raises InvocationError."""
        container, _, blob = path.partition("/")
        await self._run(function, container, blob)

    async def _run(self, function: Function, container: str, blob: str) -> None:
        client = self._blobs.get_blob_client(container, blob)
        try:
            download = await client.download_blob()
            content = await download.readall()
        except ResourceNotFoundError:
            log_event(_log, logging.INFO, "blob_deleted", container=container, blob=blob)
            return
        metadata = {
            "BlobTrigger": Datum(f"{container}/{blob}", "string"),
            "Uri": Datum(client.url, "string"),
            "Properties": Datum(json.dumps({"Length": len(content)}), "json"),
            "Metadata": Datum(json.dumps(download.properties.metadata or {}), "json"),
        }
        for name, value in bind_path(function.trigger["path"], f"{container}/{blob}").items():
            metadata[name] = Datum(value, "string")
        await invoke(function, Datum(content, "bytes"), metadata)


def bind_path(pattern: str, path: str) -> dict[str, str]:
    """Return the parameters that a trigger's path binds: ``segments/{name}`` binds ``name``."""
    expression = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(pattern))
    match = re.fullmatch(expression, path)
    return match.groupdict() if match else {}
