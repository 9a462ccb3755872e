"""Signing links to audio: read-only, valid for minutes, created on request and stored nowhere.

In Azure a link is a user delegation SAS: signed with a key that Blob Storage gives to the app's
managed identity, so that no account key is needed. In local development Azurite's account key signs
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient

_CLOCK_DIFFERENCE = timedelta(minutes=5)


def link_expiry(seconds: int) -> datetime:
    """Return when links that are created now expire; a link's expiry has whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


async def sign_links(
    service: BlobServiceClient,
    paths: Iterable[str],
    expires_at: datetime,
    *,
    file_name: str | None = None,
) -> list[str]:
    """Sign read-only links to blobs.

    Args:
        service: The client of the account.
        paths: The blobs, as ``container/name``.
        expires_at: When the links expire.
        file_name: The name under which browsers save the files; None: the blobs' own.

    Returns:
        A URL for each path, in the same order.

    Raises AzureError.
    """
    signing_key: dict[str, Any]
    account_key = getattr(service.credential, "account_key", None)
    if account_key is not None:
        signing_key = {"account_key": account_key}
    else:
        # Valid from a little earlier, in case our clock is ahead of Blob Storage's.
        starts_at = datetime.now(UTC) - _CLOCK_DIFFERENCE
        key = await service.get_user_delegation_key(starts_at, expires_at)
        signing_key = {"user_delegation_key": key, "protocol": "https"}
    urls = []
    for path in paths:
        container, _, name = path.partition("/")
        signature = generate_blob_sas(
            str(service.account_name),
            container,
            name,
            permission=BlobSasPermissions(read=True),
            expiry=expires_at,
            content_disposition=f'inline; filename="{file_name}"' if file_name else None,
            **signing_key,
        )
        urls.append(f"{service.get_blob_client(container, name).url}?{signature}")
    return urls
