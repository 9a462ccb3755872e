"""The operations of events: following a call."""

from __future__ import annotations

from calls.http.description.parts import ID, Json, json_content, operation, query, ref
from calls.http.live_events import MAX_WAIT_SECONDS

OPERATIONS: dict[str, Json] = {
    "GET /api/v1/calls/{id}/events": operation(
        "Follow a call: what has happened, or as soon as something does",
        {200: json_content(ref("EventList"))},
        [400, 404, 503],
        parameters=[
            ID,
            query("after", {"type": "string"})
            | {"description": "the `cursor` of the last answer; without it, all events"},
            query(
                "wait_s",
                {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS, "default": 0},
            )
            | {"description": "how long to wait, in seconds, while nothing happens"},
        ],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
