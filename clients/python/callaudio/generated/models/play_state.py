from typing import Literal, cast

PlayState = Literal["completed", "failed", "playing", "requested"]


def check_play_state(value: object) -> PlayState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(PlayState, value)
