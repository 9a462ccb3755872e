"""A substitute for Event Grid: Azurite sends no events, so containers are polled for new blobs.

Each new blob is posted to the host's webhook as a BlobCreated event, filtered as the subscriptions
in ``infra`` are: by the container that the trigger's path begins with.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import UTC, datetime
from typing import Any

import aiohttp
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient

from event_log import log_event
from local.host.blobs import WEBHOOK
from local.host.worker import Function

_log = logging.getLogger(__name__)


class BlobEventPublisher:
    """Lists the watched containers each ``interval_seconds``; a new ETag is an event.

    ``webhook_base`` is the host's address, ``key`` the key of its blob webhook.
    """

    def __init__(
        self,
        functions: list[Function],
        connection: str,
        webhook_base: str,
        key: str,
        interval_seconds: float,
    ) -> None:
        self._watched = [
            (function, str(function.trigger["path"]).partition("/")[0])
            for function in functions
            if function.kind == "blobTrigger"
        ]
        self._blobs = BlobServiceClient.from_connection_string(connection)
        self._base = webhook_base
        self._key = key
        self._interval_seconds = interval_seconds
        self._seen: dict[tuple[str, str], str] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Skip the blobs that exist already, then watch."""
        for _, container in self._watched:
            for blob in await self._list(container):
                self._seen[container, blob.name] = str(blob.etag)
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._blobs.close()

    async def _watch(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                await asyncio.sleep(self._interval_seconds)
                try:
                    for function, container in self._watched:
                        for blob in await self._list(container):
                            if self._seen.get((container, blob.name)) != str(blob.etag):
                                await self._deliver(session, function, container, blob)
                                self._seen[container, blob.name] = str(blob.etag)
                except (AzureError, aiohttp.ClientError) as error:
                    log_event(
                        _log, logging.ERROR, "blob_listing_failed", error=type(error).__name__
                    )

    async def _list(self, container: str) -> list[BlobProperties]:
        try:
            return [blob async for blob in self._blobs.get_container_client(container).list_blobs()]
        except ResourceNotFoundError:
            return []

    async def _deliver(
        self,
        session: aiohttp.ClientSession,
        function: Function,
        container: str,
        blob: BlobProperties,
    ) -> None:
        data: dict[str, Any] = {
            "api": "PutBlob",
            "contentType": blob.content_settings.content_type,
            "contentLength": blob.size,
            "blobType": "BlockBlob",
            "eTag": blob.etag,
            "url": self._blobs.get_blob_client(container, blob.name).url,
        }
        event = {
            "id": str(uuid.uuid4()),
            "topic": "/subscriptions/local",
            "subject": f"/blobServices/default/containers/{container}/blobs/{blob.name}",
            "eventType": "Microsoft.Storage.BlobCreated",
            "eventTime": datetime.now(UTC).isoformat(),
            "data": data,
            "dataVersion": "",
            "metadataVersion": "1",
        }
        query = {"functionName": f"Host.Functions.{function.name}", "code": self._key}
        async with session.post(self._base + WEBHOOK, params=query, json=[event]) as response:
            if response.status != 202:
                raise aiohttp.ClientError(f"the webhook answered HTTP {response.status}")
