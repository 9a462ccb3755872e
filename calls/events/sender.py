"""Sending a signed event to a webhook's URL: in 10 seconds at most, and only where it may go."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from calls.events.addresses import AddressNotPermitted, is_permitted
from calls.events.outcomes import Outcome, outcome_of
from calls.webhook_settings import Addresses

TIMEOUT_SECONDS = 10.0


class WebhookSender:
    """Sends events to webhooks.

    The address is checked where the socket is opened: after all resolving, for each address that is
    tried, and for a host that is an address itself. Certificates and host names are verified as
    usual. Redirects are not followed, no proxy is used, no cookie kept, and of the answer nothing
    but its head is read.

    Args:
        addresses: Where requests may go.
        timeout_seconds: For the whole of one request.
        resolver: Resolves the hosts; None: as the system does.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._addresses = addresses
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver,
                socket_factory=self._open_socket,
                use_dns_cache=False,
                force_close=True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post a body to a URL, and return what came of it. Raises nothing for a failure."""
        try:
            async with asyncio.timeout(self._timeout.total):
                response = await self._session.post(
                    url, data=body, headers=headers, allow_redirects=False, timeout=self._timeout
                )
                response.close()
        except TimeoutError:
            return Outcome(f"no answer within {self._timeout.total:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(_describe(error))
        return outcome_of(response.status, response.headers.get("Retry-After"))

    def _open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        family, type_, protocol, _, address = info
        if not is_permitted(str(address[0]), self._addresses):
            raise AddressNotPermitted("the address is not permitted")
        return socket.socket(family=family, type=type_, proto=protocol)


def _describe(error: Exception) -> str:
    """Describe a failure in constant words: an error's own text may have the URL in it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressNotPermitted):
            return "the host's address is not permitted (WEBHOOK_ADDRESSES)"
        if isinstance(cause, ssl.SSLError | ssl.CertificateError | aiohttp.ClientSSLError):
            return "the TLS handshake failed"
        cause = getattr(cause, "os_error", None) or cause.__cause__ or cause.__context__
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host's name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    return f"no valid answer ({type(error).__name__})"
