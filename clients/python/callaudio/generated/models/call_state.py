from typing import Literal, cast

CallState = Literal["connected", "connecting", "disconnected", "failed"]


def check_call_state(value: object) -> CallState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(CallState, value)
