from typing import Literal, cast

DeletionState = Literal["completed", "running", "waiting"]


def check_deletion_state(value: object) -> DeletionState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(DeletionState, value)
