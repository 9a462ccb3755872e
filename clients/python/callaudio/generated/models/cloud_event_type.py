from typing import Literal, cast

CloudEventType = Literal[
    "call.connected",
    "call.deleted",
    "call.failed",
    "call.final",
    "call.streaming",
    "segment.ready",
    "transcript.final",
]


def check_cloud_event_type(value: object) -> CloudEventType:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(CloudEventType, value)
