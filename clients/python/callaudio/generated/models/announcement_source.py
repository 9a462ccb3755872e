from typing import Literal, cast

AnnouncementSource = Literal["call", "setting"]


def check_announcement_source(value: object) -> AnnouncementSource:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(AnnouncementSource, value)
