"""List the calls as CSV, filtered and sorted: the request and its response."""

import datetime
from typing import Any

from ...models.call_state import CallState
from ...models.direction import Direction
from ...models.list_calls_sort import ListCallsSort
from ...models.result_state import ResultState
from ...types import UNSET, Unset


def build_request(
    *,
    state: CallState | Unset = UNSET,
    result_state: ResultState | Unset = UNSET,
    direction: Direction | Unset = UNSET,
    participant: str | Unset = UNSET,
    from_: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    tag: list[str] | Unset = UNSET,
    min_duration: int | Unset = UNSET,
    sort: ListCallsSort | Unset = UNSET,
    q: str | Unset = UNSET,
    limit: int | Unset = 1000,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    json_state: str | Unset = UNSET
    if not isinstance(state, Unset):
        json_state = state

    params["state"] = json_state

    json_result_state: str | Unset = UNSET
    if not isinstance(result_state, Unset):
        json_result_state = result_state

    params["result_state"] = json_result_state

    json_direction: str | Unset = UNSET
    if not isinstance(direction, Unset):
        json_direction = direction

    params["direction"] = json_direction

    params["participant"] = participant

    json_from_: str | Unset = UNSET
    if not isinstance(from_, Unset):
        json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_until: str | Unset = UNSET
    if not isinstance(until, Unset):
        json_until = until.isoformat()
    params["until"] = json_until

    json_tag: list[str] | Unset = UNSET
    if not isinstance(tag, Unset):
        json_tag = tag

    params["tag"] = json_tag

    params["min_duration"] = min_duration

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort

    params["sort"] = json_sort

    params["q"] = q

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls.csv",
        "params": params,
    }
    return _kwargs
