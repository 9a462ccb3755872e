"""Queue triggers: parallel runs, retries, and the queue's own poison queue.

Source: ``Microsoft.Azure.WebJobs.Extensions.Storage.Queues``, ``QueueListener`` and
``QueueProcessor``, and Microsoft's documentation of ``extensions.queues`` in host.json. The options
are the same for every queue trigger of the app.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from event_log import log_event
from local.host.worker import Function, InvocationError, invoke, log_failure

INVISIBLE_SECONDS = 600.0
"""How long a message that is being processed stays invisible; renewed at half of it."""

_POISON = "-poison"
_MIN_POLLING_SECONDS = 0.1
_MAX_BATCH_SIZE = 32
_STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class QueueOptions(NamedTuple):
    """``extensions.queues`` of host.json, with the extension's defaults."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_seconds: int = 0
    max_polling_seconds: float = 60.0
    is_base64: bool = True

    @classmethod
    def from_host_json(cls, queues: Mapping[str, Any]) -> Self:
        """Read the options. Raises ValueError."""
        batch_size = int(queues.get("batchSize", cls().batch_size))
        if not 1 <= batch_size <= _MAX_BATCH_SIZE:
            raise ValueError(f"host.json: batchSize is {batch_size}, not 1 to {_MAX_BATCH_SIZE}")
        return cls(
            batch_size=batch_size,
            new_batch_threshold=int(queues.get("newBatchThreshold", batch_size // 2)),
            max_dequeue_count=int(queues.get("maxDequeueCount", cls().max_dequeue_count)),
            visibility_seconds=round(_seconds(queues.get("visibilityTimeout", "00:00:00"))),
            max_polling_seconds=_seconds(queues.get("maxPollingInterval", "00:01:00")),
            is_base64=str(queues.get("messageEncoding", "base64")).lower() == "base64",
        )


def encode_message(text: str, options: QueueOptions) -> str:
    """Return a message's text as it is stored in a queue."""
    return base64.b64encode(text.encode()).decode() if options.is_base64 else text


def _seconds(time_span: str) -> float:
    """The seconds of a TimeSpan such as ``00:00:30``. Raises ValueError."""
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", time_span)
    if match is None:
        raise ValueError(f"host.json: {time_span!r} is not a time span: hh:mm:ss")
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class QueueListener:
    """Runs one function for each message of its queue.

    Args:
        function: The function.
        connection: Connection string of the storage with the queue.
        options: How messages are received, retried and encoded.
        notify: Called with the name of the poison queue when a message has been moved there.
    """

    def __init__(
        self,
        function: Function,
        connection: str,
        options: QueueOptions,
        notify: Callable[[str], None],
    ) -> None:
        self._function = function
        self._options = options
        self._notify = notify
        self.queue_name = str(function.trigger["queueName"])
        self._queue = QueueClient.from_connection_string(connection, self.queue_name)
        self._poison: QueueClient | None = None
        if not self.queue_name.endswith(_POISON):
            self._poison = QueueClient.from_connection_string(connection, self.queue_name + _POISON)
        self._wake = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[None], QueueMessage] = {}

    async def start(self) -> None:
        """Create the queue and listen to it."""
        with contextlib.suppress(ResourceExistsError):
            await self._queue.create_queue()
        self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening. Functions that go on for more than a few seconds run again later."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_SECONDS)
        for task, message in list(self._running.items()):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with contextlib.suppress(AzureError):
                await self._queue.update_message(message, visibility_timeout=0)
        await self._queue.close()
        if self._poison is not None:
            await self._poison.close()

    def wake(self) -> None:
        """Look for messages now: this host has sent one."""
        self._wake.set()

    async def _listen(self) -> None:
        delay = _MIN_POLLING_SECONDS
        while True:
            while len(self._running) > self._options.new_batch_threshold:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._wake.clear()
            if await self._receive_batch():
                delay = _MIN_POLLING_SECONDS
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), delay)
            delay = min(2 * delay, self._options.max_polling_seconds)

    async def _receive_batch(self) -> int:
        """Start the function for a batch of messages; return their number."""
        size = self._options.batch_size
        received = 0
        try:
            async for message in self._queue.receive_messages(
                max_messages=size, visibility_timeout=round(INVISIBLE_SECONDS)
            ):
                received += 1
                task = asyncio.create_task(self._handle(message))
                self._running[task] = message
                task.add_done_callback(self._running.pop)
                if received == size:
                    break
        except AzureError as error:
            log_event(
                _log,
                logging.ERROR,
                "trigger_queue_unreadable",
                function=self._function.name,
                error=type(error).__name__,
            )
        return received

    async def _handle(self, message: QueueMessage) -> None:
        try:
            if (message.dequeue_count or 1) > self._options.max_dequeue_count and self._poison:
                # The host ended while it processed the message.
                await self._move_to_poison_queue(message, self._poison)
            else:
                await self._process(message)
        except AzureError as error:
            # The message becomes visible again by itself.
            log_event(_log, logging.ERROR, "message_not_settled", error=type(error).__name__)

    async def _process(self, message: QueueMessage) -> None:
        attempt = message.dequeue_count or 1
        renewal = asyncio.create_task(keep_invisible(self._queue, message))
        try:
            content = str(message.content)
            body = base64.b64decode(content).decode() if self._options.is_base64 else content
            await invoke(self._function, Datum(body, "string"), _trigger_metadata(message))
        except (InvocationError, ValueError) as error:
            log_failure(self._function, error, attempt=attempt)
            if self._poison is None:
                # It stays invisible, so that it cannot fail in a tight loop.
                return
            if attempt < self._options.max_dequeue_count:
                await self._queue.update_message(
                    message, visibility_timeout=self._options.visibility_seconds
                )
                return
            await self._move_to_poison_queue(message, self._poison)
            return
        finally:
            renewal.cancel()
        await self._queue.delete_message(message)

    async def _move_to_poison_queue(self, message: QueueMessage, poison: QueueClient) -> None:
        with contextlib.suppress(ResourceExistsError):
            await poison.create_queue()
        await poison.send_message(message.content)
        self._notify(poison.queue_name)
        await self._queue.delete_message(message)


async def keep_invisible(
    queue: QueueClient, message: QueueMessage, seconds: float = INVISIBLE_SECONDS
) -> None:
    """Renew a message's invisibility, each time for ``seconds``, until cancelled."""
    while True:
        await asyncio.sleep(seconds / 2)
        try:
            renewed = await queue.update_message(message, visibility_timeout=round(seconds))
            message.pop_receipt = renewed.pop_receipt
        except AzureError as error:
            log_event(_log, logging.ERROR, "message_not_renewed", error=type(error).__name__)


def _trigger_metadata(message: QueueMessage) -> dict[str, Datum]:
    metadata = {
        "Id": Datum(str(message.id), "string"),
        "DequeueCount": Datum(str(message.dequeue_count or 1), "string"),
        "PopReceipt": Datum(str(message.pop_receipt), "string"),
    }
    for name, moment in (
        ("InsertionTime", message.inserted_on),
        ("ExpirationTime", message.expires_on),
        ("NextVisibleTime", message.next_visible_on),
    ):
        if isinstance(moment, datetime):
            metadata[name] = Datum(moment.isoformat(), "string")
    return metadata
