"""Place a call with media streaming: the request and its response."""

from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.call import Call
from ...models.place_call import PlaceCall
from ...types import UNSET, Unset


def build_request(
    *,
    body: PlaceCall,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/calls",
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def parse_response(response: httpx.Response) -> Call:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 201:
        response_201 = Call.from_dict(response.json())

        return response_201

    raise UnexpectedStatus(response.status_code)
