"""Clients that live as long as the app's process: created at first use, on its event loop."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from azure.communication.callautomation.aio import CallAutomationClient
from azure.core.credentials import AzureKeyCredential
from azure.storage.blob.aio import BlobServiceClient, LinearRetry

from acs.tokens import TokenVerifier
from calls.settings import Settings, load
from calls.storage import Storage
from calls.subscribers import Subscribers
from calls.token_findings import TokenFindings

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient

DEADLINE_QUEUE = "deadlines"
"""The queue of messages that become visible when a deadline of a call is due."""

EVENT_QUEUE = "events"
"""The queue of calls whose events are to be distributed."""

DELIVERY_QUEUE = "deliveries"
"""The queue of events to send, each to one endpoint."""


class Clients:
    """What handlers need. Creating it does no I/O."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.call_automation = call_automation_client(settings)
        self.storage = Storage(blob_service(settings))
        self.token_findings = TokenFindings(self.storage)
        self.verifier: TokenVerifier | None = None
        if settings.callback_token_check != "off":
            self.verifier = TokenVerifier(
                audience=settings.acs_token_audience,
                issuer=settings.acs_token_issuer,
                keys_url=settings.acs_token_jwks_url,
                longest_seconds=settings.callback_token_seconds,
            )
        self._queues: dict[str, QueueClient] = {}
        if settings.has_subscribers:
            self.storage.subscribers = Subscribers(lambda: self.queue(EVENT_QUEUE))
        self._exit_stack = AsyncExitStack()

    def queue(self, name: str) -> QueueClient:
        """A queue of the app; created, and its library loaded, at first use."""
        if name not in self._queues:
            self._queues[name] = _queue(self.settings, name)
            self.on_close(self._queues[name].close)
        return self._queues[name]

    def deadline_queue(self) -> QueueClient:
        """The queue of deadlines."""
        return self.queue(DEADLINE_QUEUE)

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call ``close`` when these clients are closed."""
        self._exit_stack.push_async_callback(close)

    async def close(self) -> None:
        """Close the connections. Only tests need it: a function app's process just ends."""
        await self.call_automation.close()
        await self.storage.close()
        await self._exit_stack.aclose()


@cache
def get_clients() -> Clients:
    """The process's clients. Raises SettingsError."""
    return Clients(load(os.environ))


def call_automation_client(settings: Settings) -> CallAutomationClient:
    """ACS's client, with explicit timeouts: its own are five minutes."""
    # A trailing slash would be signed as part of the host, and ACS would refuse every signature.
    endpoint = settings.acs_endpoint.rstrip("/")
    credential: Any = (
        AzureKeyCredential(settings.acs_access_key)
        if settings.acs_access_key
        else managed_identity(settings)
    )
    return CallAutomationClient(
        endpoint,
        credential,
        connection_timeout=settings.acs_connection_timeout_seconds,
        read_timeout=settings.acs_read_timeout_seconds,
        retry_total=2,
    )


def managed_identity(settings: Settings) -> Any:
    """The credential of the app's managed identity, for asynchronous clients."""
    from azure.identity.aio import ManagedIdentityCredential

    if settings.azure_client_id:
        return ManagedIdentityCredential(client_id=settings.azure_client_id)
    return ManagedIdentityCredential()


def _queue(settings: Settings, name: str) -> QueueClient:
    from azure.storage.queue.aio import QueueClient

    options: dict[str, Any] = {
        # A request waits for the message; without one, the reconciler does what it asks for.
        "initial_backoff": 0,
        "increment_base": 0,
        "random_jitter_range": 0,
        "retry_total": 1,
        "connection_timeout": 5,
        "read_timeout": 5,
        "use_env_settings": bool(getproxies()),
    }
    if settings.audio_storage:
        return QueueClient.from_connection_string(settings.audio_storage, name, **options)
    return QueueClient(
        settings.audio_storage_queue_service_uri,
        name,
        credential=managed_identity(settings),
        **options,
    )


def blob_service(settings: Settings, credential: Any = None) -> BlobServiceClient:
    """The client of Blob Storage; without a credential, it has the app's managed identity."""
    # One quick retry covers a stale connection; whoever sent the request, or the host, does the
    # rest. (The SDK's default policy would wait 15 s before it: a call rings for only 30 s.)
    options: dict[str, Any] = {
        "retry_policy": LinearRetry(backoff=0, retry_total=1, random_jitter_range=0),
        "connection_timeout": 5,
        "read_timeout": 30,
        # Else aiohttp looks for a .netrc, on another thread, twice for each request.
        "use_env_settings": bool(getproxies()),
    }
    if settings.audio_storage:
        return BlobServiceClient.from_connection_string(settings.audio_storage, **options)
    return BlobServiceClient(
        settings.audio_storage_blob_service_uri,
        credential=credential or managed_identity(settings),
        **options,
    )
