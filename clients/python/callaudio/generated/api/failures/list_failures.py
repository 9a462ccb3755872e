"""List the segments and manifests that failed permanently: the request and its response."""

from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.failure_list import FailureList


def build_request() -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/failures",
    }
    return _kwargs


def parse_response(response: httpx.Response) -> FailureList:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = FailureList.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
