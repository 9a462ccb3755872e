"""A substitute for Event Grid: Azurite sends no events, so containers are polled for new blobs.

Each new blob is posted to the host's webhook as a BlobCreated event, filtered as the subscriptions
in ``infra`` are: by the container that the trigger's path begins with. What is written while the
host starts is new, too.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import aiohttp
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob.aio import BlobServiceClient
from yarl import URL

from event_log import log_event
from local.host.blobs import WEBHOOK
from local.host.worker import Function

_log = logging.getLogger(__name__)

_LISTING_ERRORS = (aiohttp.ClientError, TimeoutError, ET.ParseError, ValueError)
_LINK_LIFETIME = timedelta(days=365)


class _Blob(NamedTuple):
    """What a listing says of a blob."""

    name: str
    etag: str
    size: int
    content_type: str
    modified_at: datetime
    """In whole seconds."""


class BlobEventPublisher:
    """Lists the watched containers each ``interval_seconds``; a new ETag is an event.

    The containers are listed without the SDK, which takes ten times as long to read the answer.

    ``webhook_base`` is the host's address, ``key`` the key of its blob webhook. Blobs from before
    ``since`` are no events.
    """

    def __init__(
        self,
        functions: list[Function],
        connection: str,
        webhook_base: str,
        key: str,
        interval_seconds: float,
        since: datetime,
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
        self._since = since.replace(microsecond=0)
        self._links = {container: self._link(container) for _, container in self._watched}
        self._seen: dict[tuple[str, str], str] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Skip the blobs from before, then watch."""
        async with aiohttp.ClientSession() as session:
            for _, container in self._watched:
                for blob in await self._list(session, container):
                    if blob.modified_at < self._since:
                        self._seen[container, blob.name] = blob.etag
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
                        new_blobs = [
                            blob
                            for blob in await self._list(session, container)
                            if self._seen.get((container, blob.name)) != blob.etag
                        ]
                        await asyncio.gather(
                            *(self._publish(session, function, container, b) for b in new_blobs)
                        )
                except _LISTING_ERRORS as error:
                    log_event(
                        _log, logging.ERROR, "blob_listing_failed", error=type(error).__name__
                    )

    async def _publish(
        self, session: aiohttp.ClientSession, function: Function, container: str, blob: _Blob
    ) -> None:
        await self._deliver(session, function, container, blob)
        self._seen[container, blob.name] = blob.etag

    def _link(self, container: str) -> str:
        """A link that lists a container."""
        signature = generate_container_sas(
            str(self._blobs.account_name),
            container,
            account_key=self._blobs.credential.account_key,
            permission=ContainerSasPermissions(list=True),
            expiry=datetime.now(UTC) + _LINK_LIFETIME,
        )
        url = self._blobs.get_container_client(container).url
        return f"{url}?restype=container&comp=list&{signature}"

    async def _list(self, session: aiohttp.ClientSession, container: str) -> list[_Blob]:
        """List a container; nothing if it does not exist. Raises one of ``_LISTING_ERRORS``."""
        blobs: list[_Blob] = []
        marker: str | None = ""
        while marker is not None:
            url = URL(self._links[container], encoded=True).update_query(marker=marker)
            async with session.get(url) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return []
                response.raise_for_status()
                page, marker = parse_listing(await response.text())
            blobs += page
        return blobs

    async def _deliver(
        self,
        session: aiohttp.ClientSession,
        function: Function,
        container: str,
        blob: _Blob,
    ) -> None:
        data: dict[str, Any] = {
            "api": "PutBlob",
            "contentType": blob.content_type,
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


def parse_listing(text: str) -> tuple[list[_Blob], str | None]:
    """Return a page's blobs, and where the next page begins (None at the end).

    Raises ParseError, ValueError.
    """
    root = ET.fromstring(text)  # noqa: S314  # the storage's own answer
    blobs = []
    for element in root.iterfind("Blobs/Blob"):
        name = element.find("Name")
        if name is None:
            continue
        text = name.text or ""
        blobs.append(
            _Blob(
                unquote(text) if name.get("Encoded") == "true" else text,
                element.findtext("Properties/Etag", ""),
                int(element.findtext("Properties/Content-Length", "0")),
                element.findtext("Properties/Content-Type", ""),
                parsedate_to_datetime(element.findtext("Properties/Last-Modified", "")),
            )
        )
    return blobs, root.findtext("NextMarker") or None
