"""The account that a command line reads."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from azure.identity.aio import DefaultAzureCredential

from calls import blobs
from calls.commands import open_storage, read_storage_settings


@pytest.mark.parametrize(
    "environment",
    [{}, {"AudioStorage": "x", "AudioStorage__blobServiceUri": "https://x.example"}],
)
def test_one_account_must_be_named(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="set one of AudioStorage__blobServiceUri"):
        read_storage_settings(environment)


async def test_a_connection_string_needs_no_credential(storage: str) -> None:
    async with AsyncExitStack() as stack:
        settings = read_storage_settings({"AudioStorage": storage})
        opened, credential = await open_storage(stack, settings)
        assert credential is None
        assert await opened.read(blobs.CALLS, "missing.json") is None


async def test_an_address_is_opened_by_whoever_is_signed_in() -> None:
    address = "https://account.blob.core.windows.net"
    async with AsyncExitStack() as stack:
        settings = read_storage_settings({"AudioStorage__blobServiceUri": address})
        opened, credential = await open_storage(stack, settings)
        assert isinstance(credential, DefaultAzureCredential)
        assert opened.service.url.rstrip("/") == address
