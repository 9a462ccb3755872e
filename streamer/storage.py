"""Blob Storage as the streamer uses it: segments and manifests out, stream grants in."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.request import getproxies

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceResponseTimeoutError,
)
from azure.storage.blob import BlobProperties, ContentSettings
from azure.storage.blob.aio import BlobClient, BlobServiceClient, LinearRetry

from contract import names
from contract.grants import StreamGrant, decode_grant, encode_grant
from contract.token_findings import TokenFinding, encode_finding, finding_blob
from streamer.checksums import Checksums
from streamer.errors import BlobConflict, ChecksumMismatch
from streamer.settings import Settings

_LARGEST_PUT_BYTES = 5000 * 1024 * 1024
"""The service's limit. Source: the REST API reference, Put Blob."""

_SLOWEST_BYTES_PER_SECOND = 32_000
"""A connection that is slower than a track at 16 kHz never uploads what the calls bring."""

_SHA256 = "sha256"
"""The metadata that tells whether a blob holds the same content."""

_MAY_EXIST = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.FORBIDDEN)
_CRC64_MISMATCH = "Crc64Mismatch"
"""Blob Storage's error code for content with another CRC64 than the request's header."""


class Storage:
    """One Blob Storage account. Its methods raise AzureError when the service does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.upload_timeout_seconds
        # One quick retry covers a stale connection; the outbox does the rest. (The SDK's default
        # policy would wait 15 s before it.)
        options: dict[str, Any] = {
            "retry_policy": LinearRetry(backoff=0, retry_total=1, random_jitter_range=0),
            "connection_timeout": 5,
            "read_timeout": self._timeout,
            # A blob is written by one request, under one checksum, however long a segment is.
            "max_single_put_size": _LARGEST_PUT_BYTES,
            # Else aiohttp looks for a .netrc, on another thread, twice for each request.
            "use_env_settings": bool(getproxies()),
        }
        self._credential: Any = None
        if settings.audio_storage_connection_string:
            self._service = BlobServiceClient.from_connection_string(
                settings.audio_storage_connection_string, **options
            )
            return
        from azure.identity.aio import ManagedIdentityCredential

        client_id = settings.azure_client_id
        self._credential = (
            ManagedIdentityCredential(client_id=client_id)
            if client_id
            else ManagedIdentityCredential()
        )
        self._service = BlobServiceClient(
            settings.audio_storage_blob_service_uri, credential=self._credential, **options
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
        if self._credential is not None:
            await self._credential.close()

    async def put_once(
        self,
        container: str,
        blob: str,
        content: bytes,
        *,
        checksums: Checksums,
        content_type: str,
        metadata: dict[str, str],
    ) -> None:
        """Write a blob that must never be overwritten. If it holds the same content, all is well.

        Args:
            container: The container's name.
            blob: The blob's name in it.
            content: The blob's content.
            checksums: Those of ``content``. The blob's metadata has the SHA-256.
            content_type: The blob's media type.
            metadata: The blob's metadata.

        Raises:
            BlobConflict: The blob exists and holds other content.
            ChecksumMismatch: Blob Storage received other content than that.
            AzureError: Blob Storage cannot be reached, or refuses.
        """
        client = self._service.get_blob_client(container, blob)
        try:
            existing = await self._add_blob(
                client,
                content,
                metadata={**metadata, _SHA256: checksums.sha256},
                content_settings=ContentSettings(content_type=content_type),
                # The service refuses the content if it has another one. The SDK's own option would
                # compute it here, and not see what happened to the file since it was sealed.
                transactional_content_crc64=bytearray.fromhex(checksums.crc64),
            )
        except HttpResponseError as error:
            if getattr(error, "error_code", None) != _CRC64_MISMATCH:
                raise
            raise ChecksumMismatch(f"{container}/{blob} did not arrive as its CRC64 says") from None
        if existing and (existing.metadata or {}).get(_SHA256) != checksums.sha256:
            raise BlobConflict(f"{container}/{blob} exists and holds other content")

    async def mark_stream(self, call_connection_id: str, stream_id: str) -> None:
        """Write the marker that a stream has begun. Raises AzureError."""
        blob = names.stream_marker(call_connection_id, stream_id)
        await self._add_blob(self._service.get_blob_client(names.DRAFTS, blob), b"")

    async def read_grant(self, blob: str) -> tuple[StreamGrant, str] | None:
        """Return the grant of that blob name, with its ETag; None if there is none.

        Raises AzureError, msgspec.DecodeError.
        """
        client = self._service.get_blob_client(names.GRANTS, blob)
        try:
            download = await client.download_blob()
        except ResourceNotFoundError:
            return None
        return decode_grant(await download.readall()), str(download.properties.etag)

    async def bind_grant(self, blob: str, bound: StreamGrant, etag: str) -> bool:
        """Write a grant that is now bound to its call. Returns False if it changed meanwhile.

        A note tells the app which grants to end with the call. Raises AzureError.
        """
        note = names.grant_note(bound.call_connection_id or "", blob)
        await self._service.get_blob_client(names.GRANTS, note).upload_blob(b"", overwrite=True)
        client = self._service.get_blob_client(names.GRANTS, blob)
        try:
            await client.upload_blob(
                encode_grant(bound),
                overwrite=True,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except ResourceModifiedError:
            return False
        return True

    async def write_token_finding(self, finding: TokenFinding) -> None:
        """Write what the newest token of its kind says. Raises AzureError."""
        blob = finding_blob("media", is_documented=finding.failed is None)
        client = self._service.get_blob_client(names.GRANTS, blob)
        await client.upload_blob(encode_finding(finding), overwrite=True)

    async def create_containers(self) -> None:
        """Create missing containers, in local development only: in Azure, Bicep creates them.

        Raises AzureError.
        """
        for container in names.CONTAINERS:
            try:
                await self._service.create_container(container)
            except ResourceExistsError:
                continue

    async def _add_blob(
        self, client: BlobClient, content: bytes, **options: Any
    ) -> BlobProperties | None:
        """Write a new blob, and return None; if it exists, return its properties.

        In Azure, the streamer's role lets it add blobs, not overwrite them. Whether the answer
        about one that exists is 409, 412 or 403 is not documented, so each leads to a look at the
        blob.

        Raises AzureError.
        """
        seconds = 2 * self._timeout + len(content) / _SLOWEST_BYTES_PER_SECOND
        try:
            # aiohttp waits without a limit for a peer that does not read the content.
            async with asyncio.timeout(seconds):
                await client.upload_blob(content, overwrite=False, **options)
        except TimeoutError as error:
            message = f"Blob Storage did not answer within {seconds:.0f} s"
            raise ServiceResponseTimeoutError(message) from error
        except HttpResponseError as error:
            if error.status_code not in _MAY_EXIST:
                raise
            try:
                properties: BlobProperties = await client.get_blob_properties()
            except HttpResponseError:
                raise error from None
            return properties
        return None
