"""Get the recording, or a link to it: the request and its response."""

from typing import Any
from urllib.parse import quote

from ...models.recording_format import RecordingFormat
from ...models.recording_mix import RecordingMix
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    allow_partial: bool | Unset = False,
    format_: RecordingFormat | Unset = UNSET,
    mix: RecordingMix | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    params["allow_partial"] = allow_partial

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_

    params["format"] = json_format_

    json_mix: str | Unset = UNSET
    if not isinstance(mix, Unset):
        json_mix = mix

    params["mix"] = json_mix

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls/{id}/recording".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }
    return _kwargs
