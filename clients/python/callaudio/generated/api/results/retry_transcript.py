"""Transcribe a call again whose transcript has failed: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.transcript import Transcript


def build_request(
    id: str,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/calls/{id}/transcript/retry".format(
            id=quote(str(id), safe=""),
        ),
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Transcript:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 202:
        response_202 = Transcript.from_dict(response.json())

        return response_202

    raise UnexpectedStatus(response.status_code)
