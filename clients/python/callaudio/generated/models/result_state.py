from typing import Literal, cast

ResultState = Literal["final", "none", "partial", "processing", "recording"]


def check_result_state(value: object) -> ResultState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(ResultState, value)
