from typing import Literal, cast

Direction = Literal["incoming", "outgoing"]


def check_direction(value: object) -> Direction:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(Direction, value)
