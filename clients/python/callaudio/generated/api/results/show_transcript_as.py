"""Show the transcript, in the format of the suffix: the request and its response."""

from typing import Any
from urllib.parse import quote

from ...models.transcript_format import TranscriptFormat
from ...types import UNSET, Unset


def build_request(
    id: str,
    format_: TranscriptFormat,
    *,
    allow_partial: bool | Unset = False,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    params["allow_partial"] = allow_partial

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls/{id}/transcript.{format_}".format(
            id=quote(str(id), safe=""),
            format_=quote(str(format_), safe=""),
        ),
        "params": params,
    }
    return _kwargs
