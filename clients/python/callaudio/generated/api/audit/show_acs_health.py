"""Show what ACS's bearer tokens are like, and what to set: the request and its response."""

from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.acs_health import AcsHealth


def build_request() -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/health/acs",
    }
    return _kwargs


def parse_response(response: httpx.Response) -> AcsHealth:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = AcsHealth.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
