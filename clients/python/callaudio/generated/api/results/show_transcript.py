"""Show the transcript, in the format that Accept names: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.transcript import Transcript
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    allow_partial: bool | Unset = False,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    params["allow_partial"] = allow_partial

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls/{id}/transcript".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Transcript:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = Transcript.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
