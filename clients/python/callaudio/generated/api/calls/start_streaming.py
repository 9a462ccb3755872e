"""Start the media streaming: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.call import Call
from ...models.start_streaming import StartStreaming
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    body: StartStreaming | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/calls/{id}/streaming/start".format(
            id=quote(str(id), safe=""),
        ),
    }

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def parse_response(response: httpx.Response) -> Call:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 202:
        response_202 = Call.from_dict(response.json())

        return response_202

    raise UnexpectedStatus(response.status_code)
