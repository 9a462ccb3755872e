"""What the command lines for operators share: their settings, and the account that they read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import configuration
from calls.clients import blob_service
from calls.settings import SPELLED, Settings
from calls.storage import Storage


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings, without checking those that a command does not need."""
    values, _ = configuration.read(Settings, environment, SPELLED)
    return Settings(**values)


def read_storage_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises ValueError unless they name one account."""
    settings = read_settings(environment)
    if bool(settings.audio_storage) == bool(settings.audio_storage_blob_service_uri):
        raise ValueError("set one of AudioStorage__blobServiceUri and AudioStorage")
    return settings


async def open_storage(stack: AsyncExitStack, settings: Settings) -> tuple[Storage, Any]:
    """Open the account for as long as a stack, as somebody who is signed in or by its key.

    Returns:
        The storage, and the credential of azure-identity; None without an address to sign in for.

    Raises ValueError: the address is wrong.
    """
    credential = None
    if settings.audio_storage_blob_service_uri:
        from azure.identity.aio import DefaultAzureCredential

        credential = await stack.enter_async_context(DefaultAzureCredential())
    return Storage(await stack.enter_async_context(blob_service(settings, credential))), credential
