from typing import Literal, cast

AnnouncementState = Literal["completed", "failed", "pending", "playing"]


def check_announcement_state(value: object) -> AnnouncementState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(AnnouncementState, value)
