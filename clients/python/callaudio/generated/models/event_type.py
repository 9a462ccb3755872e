from typing import Literal, cast

EventType = Literal[
    "call.connected",
    "call.deleted",
    "call.failed",
    "call.final",
    "call.streaming",
    "segment.ready",
    "transcript.final",
]


def check_event_type(value: object) -> EventType:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(EventType, value)
