"""List the calls, newest first: the request and its response."""

from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.call_page import CallPage
from ...types import UNSET, Unset


def build_request(
    *,
    limit: int | Unset = 20,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls",
        "params": params,
    }
    return _kwargs


def parse_response(response: httpx.Response) -> CallPage:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = CallPage.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
