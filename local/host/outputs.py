"""Queue output bindings: what a function has set is sent when it has succeeded.

Source: ``Microsoft.Azure.WebJobs.Extensions.Storage.Queues``: the queue is created if it is
missing, and this host's own listeners are told about the message. A JSON array is sent as one
message for each of its members. If a message cannot be sent, the function has failed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.queues import QueueOptions, encode_message
from local.host.worker import Function, InvocationError


class QueueOutputs:
    """Sends the messages of functions with a queue output.

    Args:
        connection: Connection string of the storage with the queues.
        options: How messages are encoded.
        notify: Called with the name of each queue that a message was sent to.
    """

    def __init__(
        self, connection: str, options: QueueOptions, notify: Callable[[str], None]
    ) -> None:
        self._service = QueueServiceClient.from_connection_string(connection)
        self._options = options
        self._notify = notify

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def deliver(self, function: Function, outputs: list[tuple[str, Datum]]) -> None:
        """Send a function's outputs, by the names of their parameters. Raises InvocationError."""
        for name, datum in outputs:
            queue_name = str(function.outputs[name]["queueName"])
            queue = self._service.get_queue_client(queue_name)
            try:
                for text in split_messages(datum):
                    await _send(queue, encode_message(text, self._options))
            except AzureError as error:
                raise InvocationError(
                    f"{function.name}: cannot send to the queue {queue_name}: {error}"
                ) from error
            self._notify(queue_name)


def split_messages(datum: Datum) -> list[str]:
    """Return the messages in an output's value: several if it is a JSON array."""
    text = datum.value.decode() if isinstance(datum.value, bytes) else str(datum.value)
    if not text.startswith("["):
        return [text]
    members = json.loads(text)
    return [member if isinstance(member, str) else json.dumps(member) for member in members]


async def _send(queue: QueueClient, content: str) -> None:
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        with contextlib.suppress(ResourceExistsError):
            await queue.create_queue()
        await queue.send_message(content)
