"""How a client shows who it is: a function key, or a token of Entra ID."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Generator
from urllib.parse import urlsplit

import httpx

Token = str | Callable[[], str]
"""A bearer token, or what returns a current one: it is called for each request."""


class KeyAuth(httpx.Auth):
    """Sends a function key. Its ``repr`` does not show it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the key."""
        request.headers["x-functions-key"] = self._key
        yield request


class TokenAuth(httpx.Auth):
    """Sends a token of Entra ID."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the token."""
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        # The app wants it from browsers, and does not know that this is none.
        request.headers["X-Requested-With"] = "callaudio"
        yield request


def entra_token(scope: str) -> Callable[[], str]:
    """Return what gets tokens of Entra ID, as ``DefaultAzureCredential`` finds a credential.

    It needs ``callaudio[entra]``.

    Args:
        scope: The app's, such as ``api://00000000-0000-0000-0000-000000000000/.default``.

    Raises ImportError without azure-identity.
    """
    from azure.identity import DefaultAzureCredential, get_bearer_token_provider

    return get_bearer_token_provider(DefaultAzureCredential(), scope)


def check_address(url: str) -> str:
    """Return the app's address without a slash at its end.

    Raises ValueError if it is not an address, or if a key would travel unencrypted over a network.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not the address of an app, such as https://app.example")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the app's address must have neither credentials nor a query")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"{parts.hostname} needs https: over http, anyone could read the key")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
