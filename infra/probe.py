"""HTTP requests to what was deployed."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from infra.shell import StepFailed

_TIMEOUT_SECONDS = 30


def request(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, bytes]:
    """Send a request without following redirects.

    Returns:
        The status and the body; the body is empty if a WebSocket was opened (101).

    Raises:
        StepFailed: Nothing answers.
    """
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "wss")
    connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connection_class(parts.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        # An open WebSocket has no end to read up to.
        upgraded = response.status == HTTPStatus.SWITCHING_PROTOCOLS
        return response.status, b"" if upgraded else response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepFailed(f"{method} {url} failed: {type(error).__name__}: {error}") from error
    finally:
        connection.close()


def expect(
    status: int,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """Send a request and return the body. Raises StepFailed if the status is another."""
    actual, content = request(method, url, headers, body)
    if actual != status:
        raise StepFailed(f"{method} {url} answered {actual} instead of {status}.")
    return content
