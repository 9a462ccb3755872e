"""Publishing an event to an Event Grid custom topic, with the app's managed identity.

It is one documented request: ``azure-eventgrid`` would add nothing to it but its own classes.
Source: Microsoft's documentation of posting to a custom topic in the CloudEvents schema
(``post-to-custom-topic``, ``cloud-event-schema``), and ``EventGridPublisherClient`` of
``azure-eventgrid``, which uses the same version, content type and scope.
"""

from __future__ import annotations

import asyncio
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline import AsyncPipeline
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.core.pipeline.transport import AioHttpTransport, HttpRequest

from calls.events.cloud_events import CONTENT_TYPE
from calls.events.outcomes import Outcome, outcome_of
from calls.events.sender import TIMEOUT_SECONDS

API_VERSION = "2018-01-01"
SCOPE = "https://eventgrid.azure.net/.default"


class TopicPublisher:
    """Publishes events to one topic.

    Args:
        endpoint: The topic's endpoint, ``https://NAME.REGION-1.eventgrid.azure.net/api/events``.
        credential: An asynchronous credential of azure-core; None: send no token (only tests).
        timeout_seconds: For the whole of one request.
    """

    def __init__(
        self, endpoint: str, credential: Any, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        policies = [AsyncBearerTokenCredentialPolicy(credential, SCOPE)] if credential else []
        # Neither retries nor redirects: the queue of deliveries does the one, and nobody the other.
        self._pipeline: AsyncPipeline[Any, Any] = AsyncPipeline(
            AioHttpTransport(use_env_settings=False), policies
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pipeline.__aexit__()

    async def publish(self, body: bytes) -> Outcome:
        """Publish an event, as JSON. Raises nothing for a failure."""
        request = HttpRequest(
            "POST",
            f"{self._endpoint}?api-version={API_VERSION}",
            headers={"Content-Type": f"{CONTENT_TYPE}; charset=utf-8"},
            data=body,
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = (await self._pipeline.run(request)).http_response
        except TimeoutError:
            return Outcome(f"no answer within {self._timeout_seconds:g} s")
        except ClientAuthenticationError:
            return Outcome("the managed identity got no token")
        except AzureError as error:
            return Outcome(f"no connection ({type(error).__name__})")
        outcome = outcome_of(response.status_code, response.headers.get("Retry-After"))
        # A topic that was deleted is 404; it never asks to be forgotten.
        return outcome._replace(is_gone=False)
