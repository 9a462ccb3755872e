from typing import Literal, cast

AnnouncementPolicy = Literal["on", "required"]


def check_announcement_policy(value: object) -> AnnouncementPolicy:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(AnnouncementPolicy, value)
