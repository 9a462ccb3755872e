"""Show who sends the request, and what they may do: the request and its response."""

from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.me import Me


def build_request() -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/me",
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Me:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = Me.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
