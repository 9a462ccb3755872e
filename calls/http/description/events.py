"""The operations of events: following a call, and deliveries that have failed."""

from __future__ import annotations

from calls.http.description.parts import ID, Json, in_path, json_content, operation, query, ref
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
    "GET /api/v1/deliveries": operation(
        "List the events that could not be delivered",
        {200: json_content(ref("DeliveryPage"))},
        [400, 503],
        parameters=[
            query("state", {"enum": ["dead"], "default": "dead"}),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
            query("cursor", {"type": "string"}),
        ],
    ),
    "POST /api/v1/deliveries/{id}/retry": operation(
        "Send an event again that could not be delivered",
        {202: json_content(ref("Delivery"))},
        [404, 503],
        parameters=[in_path("id", {"type": "string", "minLength": 1})],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
