"""Queue triggers: five attempts for each message, then the queue's own poison queue.

Source: Microsoft's Queue storage trigger documentation (``functions-bindings-storage-queue``):
messages are base64, ``maxDequeueCount`` is 5, the poison queue's name ends with ``-poison``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from datetime import datetime

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from event_log import log_event
from local.host.worker import Function, InvocationError, invoke, log_failure

_MAX_ATTEMPTS = 5
_INVISIBLE_SECONDS = 600
_IDLE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class QueueListener:
    """Runs one function for each message of its queue, one after the other."""

    def __init__(self, function: Function, connection: str) -> None:
        self._function = function
        name = str(function.trigger["queueName"])
        self._queue = QueueClient.from_connection_string(connection, name)
        self._poison = QueueClient.from_connection_string(connection, f"{name}-poison")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Create the queue and listen to it."""
        with contextlib.suppress(ResourceExistsError):
            await self._queue.create_queue()
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._queue.close()
        await self._poison.close()

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._queue.receive_message(visibility_timeout=_INVISIBLE_SECONDS)
                if message is not None:
                    await self._handle(message)
                    continue
            except AzureError as error:
                log_event(
                    _log,
                    logging.ERROR,
                    "trigger_queue_unreadable",
                    function=self._function.name,
                    error=type(error).__name__,
                )
                await asyncio.sleep(1)
            await asyncio.sleep(_IDLE_SECONDS)

    async def _handle(self, message: QueueMessage) -> None:
        attempt = message.dequeue_count or 1
        metadata = {
            "Id": Datum(str(message.id), "string"),
            "DequeueCount": Datum(str(attempt), "string"),
            "PopReceipt": Datum(str(message.pop_receipt), "string"),
        }
        for name, moment in (
            ("InsertionTime", message.inserted_on),
            ("ExpirationTime", message.expires_on),
            ("NextVisibleTime", message.next_visible_on),
        ):
            if isinstance(moment, datetime):
                metadata[name] = Datum(moment.isoformat(), "string")
        try:
            body = base64.b64decode(str(message.content)).decode()
            await invoke(self._function, Datum(body, "string"), metadata)
        except (InvocationError, ValueError) as error:
            log_failure(self._function, error, attempt=attempt)
            if attempt < _MAX_ATTEMPTS:
                await self._queue.update_message(message, visibility_timeout=0)
                return
            with contextlib.suppress(ResourceExistsError):
                await self._poison.create_queue()
            await self._poison.send_message(message.content)
        await self._queue.delete_message(message)
