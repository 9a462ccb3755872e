from typing import Literal, cast

StreamingState = Literal["active", "failed", "inactive", "starting", "stopping"]


def check_streaming_state(value: object) -> StreamingState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(StreamingState, value)
