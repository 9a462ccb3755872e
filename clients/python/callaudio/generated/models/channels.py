from typing import Literal, cast

Channels = Literal["mixed", "unmixed"]


def check_channels(value: object) -> Channels:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(Channels, value)
